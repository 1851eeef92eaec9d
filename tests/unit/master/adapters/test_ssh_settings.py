"""What OpenSSH's configuration becomes, and what OpenSSH is told."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from master.adapters.ssh_settings import (
    FAST_CIPHER,
    Destination,
    Hop,
    SshFiles,
    destination_of,
    find_route,
    master_argv,
    parse_hop,
    parse_jumps,
    preferred,
    resolve_argv,
    ssh_argv,
    ssh_files,
)
from master.specs import ClusterSpec, ServerSpec

PRINTED = """host gpu1
user ann
hostname 10.0.0.7
port 2222
identitiesonly yes
hostkeyalias gpus
ciphers chacha20-poly1305@openssh.com,aes128-gcm@openssh.com
identityfile ~/.ssh/id_%h
identityfile %d/keys/%n_%r_%p_100%%
identityfile ~/.ssh/id_%h
proxyjump none
proxycommand nc %h %p
"""
FILES = SshFiles("/cfg/ssh config", "/cfg/known hosts")
WORKER = Hop(Destination("gpu1"), "10.0.0.7", 2222, "ann", keys=("/k1", "/k 2"))
GATE = Hop(Destination("gate", user="bob"), "gate.lab", 22, "bob")


def expand(path: str) -> str:
    return path.replace("~", "/home/ann", 1)


def test_what_ssh_prints_is_read() -> None:
    hop = parse_hop(Destination("gpu1", key="/given"), PRINTED, expand)
    assert (hop.hostname, hop.port, hop.user) == ("10.0.0.7", 2222, "ann")
    assert hop.keys == ("/given", "/home/ann/.ssh/id_10.0.0.7", "/home/ann/keys/gpu1_ann_2222_100%")
    assert hop.identities_only
    assert (hop.proxy_jump, hop.proxy_command) == (None, "nc 10.0.0.7 2222")
    assert hop.ciphers == ("chacha20-poly1305@openssh.com", FAST_CIPHER)


def test_what_ssh_does_not_print_is_named() -> None:
    with pytest.raises(ValueError, match="no port and no user"):
        parse_hop(Destination("gpu1"), "hostname x\n", expand)


@pytest.mark.parametrize(
    ("hostname", "port", "alias", "name"),
    [
        ("Gpu1.Lab", 22, None, "gpu1.lab"),
        ("gpu1", 2222, None, "[gpu1]:2222"),
        ("::1", 2222, None, "[::1]:2222"),
        ("gpu1", 2222, "gpus", "gpus"),
    ],
)
def test_the_name_in_known_hosts(hostname: str, port: int, alias: str | None, name: str) -> None:
    assert Hop(Destination("x"), hostname, port, "u", host_key_alias=alias).known_as == name


def test_only_what_the_cluster_config_gives_overrides() -> None:
    plain = SshFiles(None, "/known")
    assert resolve_argv(Destination("gpu1"), plain) == ["ssh", "-G", "gpu1"]
    given = resolve_argv(Destination("gpu1", "ann", 7, "/k 1"), FILES)
    assert given == ["ssh", "-G", "-F", "/cfg/ssh config", "-p", "7", "-l", "ann", "-i", "/k 1", "gpu1"]


def test_a_server_becomes_a_destination() -> None:
    server = ServerSpec("n", "gpu1", "ann", 7, "/keys/../k")
    assert destination_of(server) == Destination("gpu1", "ann", 7, "/keys/../k")


@pytest.mark.parametrize("host", ["", "-oProxyCommand=id", "a b", "a;id", "$(id)", "a\n"])
def test_a_host_that_is_none_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="no host name"):
        destination_of(ServerSpec("n", host))


def test_openssh_is_told_the_config_only_where_it_would_read_another(tmp_path: Path) -> None:
    home = Path("/home/ann")
    default = ClusterSpec((), ssh_config="/home/ann/.ssh/config", known_hosts="/k")
    assert ssh_files(default, home) == SshFiles(None, "/k")
    (tmp_path / "config").touch()
    named = replace(default, ssh_config=str(tmp_path / "config"))
    assert ssh_files(named, home) == SshFiles(f"{tmp_path}/config", "/k")
    with pytest.raises(ValueError, match="nowhere does not exist"):
        ssh_files(replace(default, ssh_config="/nowhere"), home)
    unset = replace(default, ssh_config=ClusterSpec.ssh_config)
    assert ssh_files(unset, Path("/other"), exists=lambda path: False).config == "/dev/null"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("gate", [Destination("gate")]),
        ("bob@gate:2200", [Destination("gate", "bob", 2200)]),
        ("ssh://bob@[::1]:2200", [Destination("::1", "bob", 2200)]),
        ("a, b:7", [Destination("a"), Destination("b", None, 7)]),
    ],
)
def test_jump_hosts_are_read(text: str, found: list[Destination]) -> None:
    assert parse_jumps(text) == found


@pytest.mark.parametrize("text", ["", "a,,b", "gate:port", "-x", "a b"])
def test_a_jump_host_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ProxyJump"):
        parse_jumps(text)


def routes(**jumps: str) -> list[str]:
    def resolve(destination: Destination) -> Hop:
        return Hop(destination, destination.name, 22, "u", proxy_jump=jumps.get(destination.name))

    return [hop.hostname for hop in find_route(Destination("w"), resolve)]


def test_the_way_leads_through_the_jump_hosts_of_jump_hosts() -> None:
    assert routes() == ["w"]
    assert routes(w="a", a="b") == ["b", "a", "w"]
    assert routes(w="a,c", a="b", c="never") == ["b", "a", "c", "w"]


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="circle"):
        routes(w="a", a="w")


def options(argv: list[str]) -> dict[str, str]:
    pairs = (word[2:].partition("=") for word in reversed(argv) if word.startswith("-o"))
    return {name: value for name, _, value in pairs}


def test_ssh_never_asks_and_checks_host_keys() -> None:
    argv = ssh_argv((WORKER,), FILES, connect_timeout_s=15)
    given = options(argv)
    assert (given["BatchMode"], given["StrictHostKeyChecking"]) == ("yes", "yes")
    assert given["UserKnownHostsFile"] == '"/cfg/known hosts"'
    assert (given["ConnectTimeout"], given["ControlPath"]) == ("15", "none")
    assert argv[argv.index("-F") + 1] == "/cfg/ssh config"
    assert argv[argv.index("-p") + 1 : argv.index("-p") + 4] == ["2222", "-l", "ann"]
    assert [argv[at + 1] for at, word in enumerate(argv) if word == "-i"] == ["/k1", "/k 2"]
    assert "ProxyCommand" not in given


def test_jump_hosts_get_the_same_settings() -> None:
    far = replace(GATE, destination=Destination("far"), hostname="fe80::1%eth0")
    outer = ssh_argv((far, GATE, WORKER), FILES, connect_timeout_s=15)
    middle = shlex.split(options(outer)["ProxyCommand"].replace("%%", "%"))
    assert middle[-4:] == ["-W", "[10.0.0.7]:2222", "--", "gate"]
    assert options(middle[:-4])["StrictHostKeyChecking"] == "yes"
    inner = shlex.split(options(middle[:-4])["ProxyCommand"].replace("%%", "%"))
    assert inner[-4:] == ["-W", "[gate.lab]:22", "--", "far"]


def test_a_path_with_a_percent_sign_or_a_quote_is_escaped() -> None:
    argv = ssh_argv((WORKER,), SshFiles(None, '/a%b"c'), connect_timeout_s=15)
    assert options(argv)["UserKnownHostsFile"] == '"/a%%b\\"c"'


def test_the_shared_login_says_when_it_is_ready() -> None:
    argv = master_argv((WORKER,), FILES, connect_timeout_s=15, control_path="/tmp/x/s")
    first = options(argv)
    assert (first["ControlMaster"], first["ControlPath"]) == ("yes", "/tmp/x/s")
    assert (first["PermitLocalCommand"], first["LocalCommand"]) == ("yes", "echo ready")
    assert argv[-2:] == ["--", "gpu1"]


def test_the_fast_cipher_comes_first_and_none_is_lost() -> None:
    assert preferred(["a", FAST_CIPHER, "b"]) == [FAST_CIPHER, "a", "b"]
    assert preferred(["a"]) == ["a"]
