"""The console beside other work of a process, as `make run` serves it."""

import socket
import urllib.error
import urllib.request

import click
import pytest

from inventory_assets.commands.run.processes import free_port
from inventory_assets.serving.serve import LOCAL, serve_beside


@pytest.mark.big
def test_it_answers_from_a_thread_until_it_is_stopped(sample_engine):
    port = free_port(8190)
    stop = serve_beside(sample_engine.settings, port)
    try:
        with urllib.request.urlopen(f"http://{LOCAL}:{port}/", timeout=20) as answer:
            page = answer.read().decode()
    finally:
        stop()

    assert "Lake version" in page
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://{LOCAL}:{port}/", timeout=5)


def test_a_port_that_is_taken_is_named(settings):
    with socket.socket() as taken:
        taken.bind((LOCAL, 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(click.ClickException, match=f"port {port}"):
            serve_beside(settings, port)
