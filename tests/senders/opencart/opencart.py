"""An imitated OpenCart in which the module runs: its database, the events that OpenCart fires, and cron."""

import json
import re
import sqlite3
import subprocess
import zipfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.senders.senders import Server, php_with
from tests.support.generic import GENERIC, SECRET, shop
from tools.make_opencart import build

HERE = Path(__file__).parent
VERSIONS = ("3.0.3.9", "4.0.2.3", "4.1.0.4")

# The columns of OpenCart's install SQL that the module reads.
_SIDES = "firstname lastname address_1 address_2 city postcode country country_id zone".split()
_ORDER = (
    "store_id store_url customer_id firstname lastname email telephone comment total order_status_id language_id "
    "currency_code currency_value date_added date_modified payment_method shipping_method"
).split() + [f"{side}_{name}" for side in ("payment", "shipping") for name in _SIDES]
TABLES = {
    "event": "code `trigger` action",
    "order": " ".join(["order_id INTEGER PRIMARY KEY", *_ORDER]),
    "order_product": "order_product_id INTEGER PRIMARY KEY, order_id product_id name model quantity price tax",
    "order_total": "order_id code title value",
    "order_history": "order_history_id INTEGER PRIMARY KEY, order_id order_status_id",
    "order_status": "order_status_id language_id name",
    "product": "product_id INTEGER PRIMARY KEY, master_id image sku",
    "product_to_category": "product_id category_id",
    "category_path": "category_id path_id level",
    "category_description": "category_id language_id name",
    "currency": "code decimal_place",
    "language": "language_id INTEGER PRIMARY KEY, code",
    "country": "country_id INTEGER PRIMARY KEY, iso_code_2",
    "zone": "zone_id INTEGER PRIMARY KEY, name",
    "customer": (
        "customer_id INTEGER PRIMARY KEY, language_id firstname lastname email telephone newsletter status date_added"
    ),
    "setting": "store_id `key` value",
    "address": "address_id INTEGER PRIMARY KEY, customer_id address_1 address_2 city postcode country_id zone_id",
}
_ROWS: dict[str, list[dict[str, Any]]] = {
    "order_status": [
        {"order_status_id": 1, "language_id": 1, "name": "Pending"},
        {"order_status_id": 1, "language_id": 2, "name": "Очікує &amp; чекає"},
        {"order_status_id": 5, "language_id": 2, "name": "Виконано"},
    ],
    "currency": [{"code": "UAH", "decimal_place": "2"}, {"code": "EUR", "decimal_place": "2"}],
    "language": [{"language_id": 2, "code": "uk-ua"}],
    "country": [{"country_id": 220, "iso_code_2": "UA"}],
    "zone": [{"zone_id": 9, "name": "Львівська"}],
    "product": [
        {"product_id": 40, "master_id": 0, "image": "catalog/чай ник.jpg", "sku": "TEA-1"},
        {"product_id": 43, "master_id": 42, "image": "", "sku": ""},
    ],
    "product_to_category": [{"product_id": 40, "category_id": 20}, {"product_id": 40, "category_id": 26}],
    "category_path": [
        {"category_id": 20, "path_id": 20, "level": 0},
        {"category_id": 26, "path_id": 20, "level": 0},
        {"category_id": 26, "path_id": 26, "level": 1},
    ],
    "category_description": [
        {"category_id": 20, "language_id": 2, "name": "Кухня"},
        {"category_id": 26, "language_id": 2, "name": "Чайники &amp; чашки"},
    ],
}


@cache
def php_with_sqlite() -> str:
    """Return the path of PHP with SQLite, which takes the place of MySQL."""
    return php_with("pdo_sqlite", "php-sqlite3")


@dataclass
class OpenCart:
    """A shop of this version, with the module unpacked from its zip.

    Args:
        folder: an empty folder.
        url: the URL of shopwire.
        database_now: what the database says the time is, "" for the time in UTC.
    """

    version: str
    folder: Path
    url: str
    session: dict[str, Any] = field(default_factory=dict)
    customer: int = 0
    cart: list[dict[str, Any]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    database_now: str = ""

    def __post_init__(self) -> None:
        self._root = self.folder / "shopwire"
        with zipfile.ZipFile(build(int(self.version[0]), self.folder / "zip")) as archive:
            archive.extractall(self._root)
        self._file = self.folder / "shop.sqlite"
        self._database = sqlite3.connect(self._file, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        for table, columns in TABLES.items():
            self._database.execute(f"CREATE TABLE `oc_{table}` ({_columns(columns)})")
        for table, rows in _ROWS.items():
            for row in rows:
                self.insert(table, **row)
        if self.version.startswith("4.1"):
            self._move_columns()
        self.settings = {
            "module_shopwire_status": "1",
            "module_shopwire_url": self.url,
            "module_shopwire_secret": SECRET,
            "config_email": "Shop@Example.com",
            "config_timezone": "Europe/Kyiv",
            "config_url": "https://shop.example/",
            "config_currency": "UAH",
            "config_tax": "1",
        } | self.settings
        self.run(("admin", "install"))

    def _move_columns(self) -> None:
        """Move what 4.1 keeps in tables of their own."""
        self.sql("CREATE TABLE oc_zone_description (zone_id NUMERIC, language_id NUMERIC, name TEXT)")
        self.sql("INSERT INTO oc_zone_description SELECT zone_id, 1, 'Lviv region' FROM oc_zone")
        self.sql("INSERT INTO oc_zone_description SELECT zone_id, 2, name FROM oc_zone")
        self.sql("ALTER TABLE oc_zone DROP COLUMN name")
        self.sql("CREATE TABLE oc_product_code (product_id NUMERIC, code TEXT, value TEXT)")
        self.sql("INSERT INTO oc_product_code SELECT product_id, 'sku', sku FROM oc_product")
        self.sql("ALTER TABLE oc_product DROP COLUMN sku")

    def insert(self, table: str, **row: Any) -> None:
        """Insert a row into one of OpenCart's tables."""
        names, places = ", ".join(f"`{name}`" for name in row), ", ".join("?" * len(row))
        self._database.execute(f"INSERT INTO `oc_{table}` ({names}) VALUES ({places})", list(row.values()))

    def sql(self, statement: str, *values: Any) -> list[Any]:
        return self._database.execute(statement, values).fetchall()

    def run(self, *commands: tuple[str, Any]) -> list[Any]:
        """Run commands in one request and return their results. Warnings, and what handlers print, fail the test."""
        given = {
            "version": self.version,
            "root": str(self._root),
            "database": str(self._file),
            "database_now": self.database_now,
            "settings": self.settings,
            "session": self.session,
            "customer": self.customer,
            "cart": self.cart,
            "commands": commands,
        }
        done = subprocess.run(
            [php_with_sqlite(), str(HERE / "driver.php")],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stderr + done.stdout
        results = json.loads(done.stdout)
        assert [result["printed"] for result in results] == [""] * len(commands)
        return [result["result"] for result in results]

    def event(self, trigger: str, *args: Any, output: Any = None) -> tuple[str, Any]:
        """Return the command that calls the handler which is registered for an event, as OpenCart would.

        Args:
            trigger: with "/" before the method, whatever the version.
        """
        rows = dict(self.sql("SELECT `trigger`, action FROM oc_event"))
        spellings = [trigger, re.sub(r"/(\w+/(?:before|after))$", r".\1", trigger)]
        (found,) = [spelling for spelling in spellings if spelling in rows]
        application, _, route = found.partition("/")
        method = re.split(r"[/.]", rows[found])[-1]
        return "event", [application, method, route, list(args), output]

    def cron(self) -> dict[str, Any]:
        """Call the URL of cron, and return its answer."""
        ((key,),) = self.sql("SELECT value FROM oc_shopwire_state WHERE name = 'key'")
        ((answer, _),) = self.run(("cron", {"key": key}))
        found: dict[str, Any] = answer
        return found

    def waiting(self) -> list[str]:
        return [name for (name,) in self.sql("SELECT name FROM oc_shopwire_queue ORDER BY changed_at, name")]

    def add_history(self, order: int, status: int) -> tuple[str, Any]:
        """Change the status of an order, and return the event of it."""
        self.insert("order_history", order_id=order, order_status_id=status)
        self.sql("UPDATE oc_order SET order_status_id = ? WHERE order_id = ?", status, order)
        method = "addOrderHistory" if self.version.startswith("3") else "addHistory"
        return self.event(f"catalog/model/checkout/order/{method}/after", order, status)

    def place_order(self, id: int = 7, **changes: Any) -> None:
        """Insert an order as the checkout does before it is confirmed: status 0, no history."""
        method = {"cod": "Післяплата", "flat": "Нова пошта"}
        person = {"firstname": "Олена &amp; Ко", "lastname": "Коваль"}
        address = {
            "address_1": "вул. Зелена, 12",
            "address_2": "кв. 3",
            "city": "Львів",
            "postcode": "79005",
            "country": "Україна",
            "country_id": 220,
            "zone": "Львівська",
        }
        is_3 = self.version.startswith("3")
        order = {
            "store_id": 0,
            "store_url": "https://shop.example/",
            "customer_id": 0,
            **person,
            "email": "Olena@Example.com",
            "telephone": "067 123-45-67",
            "comment": "Подзвоніть &quot;зранку&quot;",
            "total": "1145.1640",
            "order_status_id": 0,
            "language_id": 2,
            "currency_code": "EUR",
            "currency_value": "0.50000000",
            "date_added": "2026-11-26 20:32:00",
            "date_modified": "2026-11-26 20:32:00",
            "payment_method": method["cod"] if is_3 else json.dumps({"code": "cod.cod", "name": method["cod"]}),
            "shipping_method": method["flat"] if is_3 else json.dumps({"code": "flat.flat", "name": method["flat"]}),
        } | {f"{side}_{name}": value for side in ("payment", "shipping") for name, value in (person | address).items()}
        self.insert("order", order_id=id, **order | changes)
        line = {"order_id": id, "model": "m", "tax": "0"}
        self.insert("order_product", product_id=40, name="Чайник &amp; кришка", quantity=2, price="450.0000", **line)
        self.insert("order_product", product_id=43, name="Кухоль", quantity=1, price="100.0000", **line)
        totals = {
            "sub_total": ("Сума", "1000.0000"),
            "shipping": ("Доставка", "50.0000"),
            "coupon": ("Купон (ОСІНЬ10)", "-100.0000"),
            "tax": ("ПДВ", "180.1640"),
            "handling": ("Пакування", "15.0000"),
            "total": ("Разом", "1145.1640"),
        }
        for code, (title, value) in totals.items():
            self.insert("order_total", order_id=id, code=code, title=title, value=value)


_NUMBERS = re.compile(r"\w+_id|level|quantity|newsletter|status")


def _columns(columns: str) -> str:
    """Return the definition of columns. SQLite compares a number with a text only if the column says that it is one."""
    names = columns.replace("INTEGER PRIMARY KEY", "").replace(",", "").split()
    key = columns.split()[0] if "PRIMARY KEY" in columns else ""
    kinds = (f"{name} NUMERIC" if _NUMBERS.fullmatch(name) else f"{name} TEXT" for name in names if name != key)
    return ", ".join([*([f"{key} INTEGER PRIMARY KEY"] if key else []), *kinds])


def sent(server: Server) -> list[Any]:
    """Return the changes that shopwire reads of the calls, which must be signed."""
    changes = []
    for call in server.calls:
        at = int(call.headers["webhook-timestamp"]) * 1000
        received = type(call)(call.headers, call.body, at)
        GENERIC.verify(received, shop())
        changes += [delivery.change for delivery in GENERIC.read(received, shop())]
    return changes


ADDED = "catalog/model/checkout/order/addOrder/after"


def confirm(opencart: OpenCart, id: int = 7, status: int = 1, **changes: Any) -> None:
    """Place an order and confirm it, in one request of the shopper."""
    opencart.place_order(id, **changes)
    assert opencart.run(opencart.event(ADDED, {}, output=id), opencart.add_history(id, status)) == [None, None]
