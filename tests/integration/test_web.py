"""The page in a real browser, on a real run: what it shows, what it does, and what does not run in it."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import twophase
from master.core.running.lifecycle import Trigger
from tests.integration import page_visits
from tests.integration.page_visits import Visit, served
from tests.integration.ssh_place import await_true
from tests.support.needs import missing
from tests.support.runs import ROOT, SCRIPTS, Run

WICKED = "</script><img src=x onerror='window.ran = 5'>"
SCREENS = ("now", "jobs", "base", "machines", "results", "time")


def overview(url: str) -> urllib.request.Request:
    """Return a program's question, with the token of the address that was printed."""
    told = urlsplit(url)
    asked = urllib.request.Request(f"{told.scheme}://{told.netloc}/api/overview")
    asked.add_header("Authorization", f"Bearer {told.query.removeprefix('token=')}")
    return asked


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Let a run wait for the file `end`: two jobs run, four wait."""
    root = tmp_path_factory.mktemp("web")
    servers = [{"host": "localhost", "gpus": 0, "cpu_slots": 2, "state_dir": str(root / "state")}]
    jobs = [
        {"id": f"job{number}_{seed}", "folder": str(root), "number": number, "seed": seed, "wicked": WICKED}
        for number in (1, 2, 3)
        for seed in (1, 2)
    ]
    env = {"TWOPHASE_SLOT_DIR": str(root / "slots"), "TWOPHASE_AGENT_IDLE_S": "5"}
    what = {"base_model": False, "jobs": jobs}
    found = Run(root, servers, what, SCRIPTS / "train_wicked.py", env=env)
    master = found.start("--retries", "0", "--max-failures", "9")
    try:
        await_true(lambda: "running" in found.states().values() or master.poll() is not None)
        yield found
    finally:
        (root / "end").touch()
        master.communicate(timeout=120)


browser = page_visits.browser


@pytest.fixture
def visiting(run: Run, browser: Any) -> Iterator[Callable[..., Visit]]:
    with served(run.layout.root) as told:
        yield lambda **looks: Visit(browser, told["url"], **looks)


def serious(page: Any) -> list[str]:
    """Return what axe finds that keeps people from using a page."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        missing("axe is not installed: pip install axe-playwright-python")
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {each['nodes'][0]['html']}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


def test_the_token_leaves_the_address_and_a_full_visit_talks_to_no_other_host(
    visiting: Callable[..., Visit],
) -> None:
    visit = visiting()
    assert "token" not in visit.page.url and "token" not in visit.page.evaluate("document.referrer")
    for screen in SCREENS:
        visit.go(screen)
    page = visit.go("jobs")
    page.locator(".row", has_text="running").first.click()
    page.locator(".log", has_text="window.ran = 1").wait_for()
    log = page.locator(".log").text_content()
    assert "</script><script>" in log and "\x1b" not in log and "‮" not in log
    assert WICKED in page.locator("#drawer dl").nth(1).text_content()
    page.locator("#drawer .far", has_text="epoch 2 of 4 · 50 %").wait_for()
    page.locator(".curve h4", has_text="</script>").wait_for()
    assert page.locator("#drawer script, #drawer img").count() == 0
    visit.check()


@pytest.mark.slow
@pytest.mark.parametrize("looks", ["light", "dark", "narrow"])
def test_every_screen_can_be_used_by_everybody(looks: str, visiting: Callable[..., Visit]) -> None:
    size = {"width": 360, "height": 740} if looks == "narrow" else {"width": 1280, "height": 800}
    visit = visiting(viewport=size, color_scheme="dark" if looks == "dark" else "light")
    for screen in SCREENS:
        page = visit.go(screen)
        assert serious(page) == [], screen
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), screen
    visit.go("jobs").locator(".row").first.click()
    visit.page.wait_for_selector("#drawer .log")
    assert serious(visit.page) == []
    visit.check()


def test_keys_lead_everywhere(visiting: Callable[..., Visit]) -> None:
    visit = visiting()
    page = visit.page
    page.keyboard.press("2")
    page.wait_for_selector(".row")
    page.locator(".list").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    assert page.locator(".row[aria-selected=true]").count() == 1
    page.keyboard.press("Enter")
    page.wait_for_selector("#drawer .log")
    page.keyboard.press("Escape")
    page.wait_for_selector("#drawer", state="hidden")
    page.keyboard.press("/")
    await_true(lambda: page.evaluate("document.activeElement.id === 'filter'"))
    page.keyboard.type("number=3")
    await_true(lambda: page.evaluate("location.hash.includes('number')"))
    await_true(lambda: page.evaluate("document.querySelectorAll('.row').length === 2"))
    visit.check()


def test_jobs_are_selected_and_cancelled_and_the_journal_says_who_and_why(
    run: Run, visiting: Callable[..., Visit]
) -> None:
    visit = visiting()
    page = visit.go("jobs?q=job3_2")
    page.locator(".row input").first.click()
    page.locator(".actions .act", has_text="cancel").click()
    page.locator("#why").fill("too slow <b>")
    page.locator("#confirm").click()
    page.wait_for_selector(".row .cancelled")
    (last,) = (item for item in run.transitions() if item.trigger is Trigger.USER_CANCEL)
    assert last.job_id == "alpha/job3_2" and "too slow <b>" in last.note
    visit.page.locator("dialog button", has_text="close").click()
    visit.check()


def test_who_only_looks_finds_nothing_to_act_with(run: Run, browser: Any) -> None:
    with served(run.layout.root, "--read-only") as told:
        visit = Visit(browser, told["url"])
        page = visit.go("jobs")
        page.wait_for_selector(".row")
        page.locator(".row input").first.click()
        assert page.locator(".act").count() == 0
        status = page.evaluate(
            "fetch('/api/orders/cancel', {method: 'POST', headers: {'Content-Type': 'application/json'},"
            ' body: \'{"order": {"jobs": []}}\'}).then(told => told.status)'
        )
        assert status == 403
        visit.problems.clear()
        visit.check()


def test_another_origin_of_the_same_machine_gets_nothing(run: Run, browser: Any) -> None:
    """A page of another port may send our cookie; the browser tells where it comes from, and we listen."""
    with served(run.layout.root) as ours, served(run.layout.root) as theirs:
        visit = Visit(browser, ours["url"])
        visit.page.goto(theirs["url"])
        own = ours["url"].partition("?")[0]
        opened = visit.page.evaluate(
            "url => new Promise(done => { const s = new WebSocket(url);"
            " s.onopen = () => done('open'); s.onerror = () => done('refused'); })",
            f"{own.replace('http', 'ws')}ws",
        )
        asked = visit.page.evaluate(
            "url => fetch(url, {credentials: 'include', mode: 'no-cors'})"
            ".then(told => told.status, () => 'refused')",
            f"{own}api/overview",
        )
        assert opened == asked == "refused"
        visit.context.close()


def test_the_page_goes_on_when_the_run_has_ended(run: Run, visiting: Callable[..., Visit]) -> None:
    visit = visiting()
    (run.root / "end").touch()
    page = visit.page
    page.locator("#status", has_text="no master").wait_for(timeout=90_000)
    row = page.locator("table tr", has_text="no luck").first
    assert row.locator("td").first.text_content() == "2", "equal failures are one row"
    page = visit.go("results")
    page.wait_for_selector("table")
    assert "<img src=x" in page.locator("thead").text_content()
    page = visit.go("time")
    page.locator(".says", has_text="no luck").first.wait_for()
    assert "2 slots" in page.locator("canvas").get_attribute("aria-label")
    page = visit.go("jobs?state=succeeded")
    page.locator(".row").first.click()
    page.locator(".curve h4", has_text="constructor.constructor").wait_for()
    assert page.locator(".curve .uplot").count() == 2
    visit.check()


def test_a_port_in_use_is_told(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        argv = [sys.executable, twophase.__file__, "web", "--run", str(run.layout.root)]
        port = ["--port", str(taken.getsockname()[1])]
        ended = subprocess.run([*argv, *port], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2 and "is in use on this machine: give another" in ended.stderr


def test_it_listens_on_this_machine_alone_and_tells_nobody_the_token(run: Run) -> None:
    with served(run.layout.root) as told:
        port = urlsplit(told["url"]).port
        listening = Path("/proc/net/tcp").read_text()
        assert f"0100007F:{port:04X}" in listening and f"00000000:{port:04X}" not in listening
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/overview", timeout=10)
        refused.value.close()
        assert refused.value.code == 401 and "server" not in refused.value.headers


def test_other_machines_are_served_over_tls(run: Run, tmp_path: Path) -> None:
    files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert")]
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=localhost",
    ]
    subprocess.run([*make, *files], check=True, capture_output=True)
    tls = ("--tls-cert", str(tmp_path / "cert"), "--tls-key", str(tmp_path / "key"))
    with served(run.layout.root, "--web-host", "localhost", *tls) as told:
        url = urlsplit(told["url"])
        assert url.scheme == "https"
        trusting = ssl.create_default_context(cafile=str(tmp_path / "cert"))
        trusting.check_hostname = False
        with urllib.request.urlopen(overview(told["url"]), context=trusting, timeout=10) as answer:
            assert answer.status == 200


def test_a_run_serves_its_page_and_takes_it_along(tmp_path: Path) -> None:
    """The page ends with its master, also one that is killed."""
    (tmp_path / "slots").mkdir()
    servers = [{"host": "localhost", "gpus": 0, "cpu_slots": 1, "state_dir": str(tmp_path / "state")}]
    env = {"TWOPHASE_SLOT_DIR": str(tmp_path / "slots"), "TWOPHASE_AGENT_IDLE_S": "5"}
    jobs = [{"id": "job", "folder": str(tmp_path), "number": 1, "seed": 1}]
    what = {"base_model": False, "jobs": jobs}
    run = Run(tmp_path, servers, what, SCRIPTS / "train_wicked.py", env=env)
    log = tmp_path / "log.txt"
    master = run.start("--web", "0", "--log-file", str(log))
    assert master.stdout is not None
    try:
        line = next(line for line in master.stdout if "the page: http://localhost:" in line)
        url = urlsplit(line.split("the page: ")[1].split()[0])
        with urllib.request.urlopen(overview(url.geturl()), timeout=20) as answer:
            assert json.load(answer)["has_master"] in (True, False)
        assert "token=" not in log.read_text()
    finally:
        (tmp_path / "end").touch()
        master.kill()
        master.communicate(timeout=60)
    await_true(lambda: not _answers(url.port))


def _answers(port: int | None) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port or 0)) == 0
