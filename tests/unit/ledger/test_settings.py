"""Settings: decoded once, and a bad one fails in the first second with its name."""

import pytest

from ledger.settings import (
    FIELDS,
    Settings,
    SettingsError,
    env_name,
    load_settings,
    to_environ,
    unknown_names,
)

WRONG = [
    # environment, what the message says
    ({"LEDGER_PAGE_MAX": "many"}, "LEDGER_PAGE_MAX: Expected `int`"),
    ({"LEDGER_PAGE_MAX": "0"}, "LEDGER_PAGE_MAX: Expected `int` >= 1"),
    ({"LEDGER_HTTP_PORT": "70000"}, "LEDGER_HTTP_PORT: Expected `int` <= 65535"),
    (
        {"LEDGER_AUTH": "maybe"},
        "LEDGER_AUTH: Invalid enum value 'maybe'; it is one of required, none",
    ),
    (
        {"LEDGER_CATALOG": "shut"},
        "LEDGER_CATALOG: Invalid enum value 'shut'; it is one of open, strict",
    ),
    ({"LEDGER_CHECKPOINT_KEY": "abc"}, "LEDGER_CHECKPOINT_KEY must read PRIVATE"),
    ({"LEDGER_ADMIN_KEY": "short"}, "LEDGER_ADMIN_KEY must be 16 to 256"),
    ({"DATABASE_URL": "mysql://db"}, "DATABASE_URL must start with"),
    ({"NATS_URL": "localhost:4222"}, "NATS_URL must start with"),
    ({"LEDGER_LEASE_MS": "200"}, "LEDGER_LEASE_POLL_MS must fit at least twice"),
    ({"LEDGER_STUCK_WRITER_MS": "1000"}, "LEDGER_STUCK_WRITER_MS must not be below"),
    ({"LEDGER_RESTART_BACKOFF_MIN_MS": "9000"}, "LEDGER_RESTART_BACKOFF_MIN_MS must not exceed"),
]


def test_nothing_configured_means_everything_on_this_machine() -> None:
    """The defaults are the contract's."""
    settings = load_settings({})

    assert settings == Settings()
    assert (None, None) == (settings.database_url, settings.nats_url)
    assert "http://127.0.0.1:8080" == settings.http_url


@pytest.mark.parametrize(("environ", "sentence"), WRONG)
def test_a_wrong_setting_is_named(environ: dict[str, str], sentence: str) -> None:
    """The operator reads which variable is wrong and what it may be."""
    with pytest.raises(SettingsError) as caught:
        load_settings(environ)

    assert sentence in str(caught.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "shop.example"])
def test_an_open_door_is_for_loopback_only(host: str) -> None:
    """Without authentication nobody but this machine may come in."""
    with pytest.raises(SettingsError, match="LEDGER_AUTH 'none' only binds to loopback"):
        load_settings({"LEDGER_AUTH": "none", "LEDGER_HTTP_HOST": host})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_every_name_of_loopback_is_loopback(host: str) -> None:
    """A desk may work without keys."""
    settings = load_settings({"LEDGER_AUTH": "none", "LEDGER_HTTP_HOST": host})

    assert "none" == settings.auth


def test_an_option_wins_over_the_environment_and_an_empty_variable_is_unset() -> None:
    """None stands for an option that was not given."""
    environ = {"LEDGER_HTTP_PORT": "9000", "LEDGER_HTTP_HOST": "", "LEDGER_PAGE_MAX": " 7 "}
    settings = load_settings(environ, http_port=0, data_dir=None)

    assert (0, "127.0.0.1", 7) == (settings.http_port, settings.http_host, settings.page_max)


def test_a_child_reads_back_what_its_parent_wrote() -> None:
    """Settings travel by environment without loss."""
    settings = load_settings({}, page_max=7, database_url="postgresql://x@/ledger?host=/tmp")

    assert settings == load_settings(to_environ(settings))


def test_every_limit_has_its_variable_and_its_unit() -> None:
    """A number without a unit is a number nobody dares to change."""
    surroundings = {"database_url", "nats_url", "data_dir", "http_host", "http_port", "catalog"}
    access = {"admin_key", "auth", "checkpoint_key", "nats_credentials", "nats_keys"}
    limits = [name for name in FIELDS if name not in surroundings | access]

    assert [] == [
        name
        for name in limits
        if not name.endswith(("_max", "_ms", "_events", "_percent", "_bytes"))
    ]
    assert "LEDGER_QUEUE_COMMANDS_MAX" == env_name("queue_commands_max")


@pytest.mark.parametrize("name", ["NATS_CREDENTIALS", "NATS_KEYS"])
def test_what_one_logs_in_with_is_there(name: str) -> None:
    """Else the bus would be tried for ever, and the log would say why in passing."""
    with pytest.raises(SettingsError, match=rf"{name} must name a .* that is there"):
        load_settings({name: "/nowhere/at/all"})


def test_a_mistyped_variable_is_noticed() -> None:
    """It would otherwise be a default nobody asked for."""
    assert ["LEDGER_PAGEMAX"] == unknown_names({"LEDGER_PAGEMAX": "7", "LEDGER_PAGE_MAX": "7"})


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8080"),
        ("::", "http://[::1]:8080"),
        ("::1", "http://[::1]:8080"),
    ],
)
def test_a_url_names_an_address_one_can_connect_to(host: str, url: str) -> None:
    """A wildcard is for binding."""
    assert url == load_settings({"LEDGER_HTTP_HOST": host}).http_url
