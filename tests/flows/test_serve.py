"""`make serve` says in one sentence what is in its way, and starts nothing."""

import http.server
import threading

import pytest

from flows.serve import LocalPrefect


class _Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_a_port_that_is_taken_is_told_and_nothing_is_started(tmp_path):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Healthy)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        with (
            pytest.raises(RuntimeError, match="something answers at .* already"),
            LocalPrefect(tmp_path / "state", port=server.server_address[1]),
        ):
            pass
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert not (tmp_path / "state").exists()


def test_processes_are_told_where_to_work_and_not_to_report(tmp_path):
    local = LocalPrefect(tmp_path / "state", port=4299, home=tmp_path)
    assert local.environment["PREFECT_API_URL"] == "http://127.0.0.1:4299/api"
    assert local.environment["EXCLUSION_HOME"] == str(tmp_path)
    assert local.environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert local.environment["DO_NOT_TRACK"] == "1"
