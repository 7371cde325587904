"""RAY_ADDRESS is looked at before anything is written: Ray itself would try for minutes and end the process."""

import socket

import pytest

from twogrpo.errors import EngineError
from twogrpo.openrlhf.cluster import check_address


@pytest.mark.parametrize("address", [None, "", "auto", "local"])
def test_without_an_address_ray_looks_for_itself(monkeypatch, address):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if address is not None:
        monkeypatch.setenv("RAY_ADDRESS", address)
    check_address()


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}", "localhost:{}"])
def test_an_address_that_answers_is_taken(monkeypatch, form):
    with socket.create_server(("127.0.0.1", 0)) as head:
        monkeypatch.setenv("RAY_ADDRESS", form.format(head.getsockname()[1]))
        check_address()


def test_an_address_where_nothing_listens_is_refused(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as head:
        port = head.getsockname()[1]
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    with pytest.raises(EngineError, match=rf"RAY_ADDRESS=127.0.0.1:{port}: no Ray cluster answers there .*refused"):
        check_address()


@pytest.mark.parametrize("address", ["nonsense", "head:", ":6379", "head:port"])
def test_what_is_no_address_is_refused(monkeypatch, address):
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(EngineError, match="is no address, expected HOST:PORT"):
        check_address()


def test_a_port_beyond_the_last_is_refused(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:99999")
    with pytest.raises(EngineError, match="no Ray cluster answers there"):
        check_address()
