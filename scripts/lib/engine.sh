# Sourced by scripts/test: a docker engine for the container tests. Needs environment.sh.
# shellcheck shell=bash

engine_pid=

engine_answers() {
    "$venv/bin/python" -c 'import docker; client = docker.from_env(timeout=10); client.ping(); client.close()' 2>/dev/null
}

# Starts dockerd when no engine answers; leaves its pid in engine_pid. Returns 1 when there is none to be had.
start_engine() {
    local log=$project/.cache/dockerd.log
    if engine_answers; then return; fi
    if [[ $(id -u) != 0 ]] || ! command -v dockerd >/dev/null; then return 1; fi
    mkdir -p "$(dirname "$log")"
    say "starting a docker engine (log: ${log#"$project"/})"
    # Its own session: Ctrl-C must reach pytest, which removes its containers, and not the engine.
    setsid dockerd >"$log" 2>&1 </dev/null &
    engine_pid=$!
    for _ in {1..120}; do
        if engine_answers; then return; fi
        if ! kill -0 "$engine_pid" 2>/dev/null; then break; fi
        sleep 0.5
    done
    say "the docker engine did not start; the end of its log:"
    tail -n 20 "$log" >&2
    stop_engine
    return 1
}

stop_engine() {
    if [[ -z $engine_pid ]]; then return; fi
    kill "$engine_pid" 2>/dev/null || true
    wait "$engine_pid" 2>/dev/null || true
    engine_pid=
}
