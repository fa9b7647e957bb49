"""What clients send that they should not: a problem document each time, never a 500, and the
process lives.
"""

import json
import random
import uuid

import pytest

from problems import check_problem, pointers

_USER = {"email": "new@example.com", "name": "New"}
_ORDER = {"userId": 1, "items": [{"productId": 1, "quantity": 1}]}
_PAYMENT = {
    "orderId": 1,
    "userId": 1,
    "amount": 100,
    "currency": "EUR",
    "paymentMethodToken": "tok_success",
}
_WRITES = [
    ("POST", "/api/users", _USER),
    ("PATCH", "/api/users/1", {"name": "Changed"}),
    ("POST", "/api/orders", _ORDER),
    ("POST", "/api/payments", _PAYMENT),
]
_OPTIONAL = {"/api/payments": {"userId", "amount", "currency"}}
_JSON = {"Content-Type": "application/json"}


def send(client, method, path, body, headers=None):
    """With a key each time: what is asked here is what else is wrong."""
    return client.request(
        method,
        path,
        content=body if isinstance(body, (str, bytes)) else json.dumps(body),
        headers={**_JSON, "Idempotency-Key": uuid.uuid4().hex, **(headers or {})},
    )


@pytest.fixture(scope="module", autouse=True)
def the_processes_live(stack):
    before = stack.pids()
    yield
    assert stack.pids() == before


@pytest.mark.parametrize("method, path, _", _WRITES)
@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        "42",
        '"text"',
        "{'a': 1}",
        '{"a":1,}',
        "{}{}",
        '{"a":NaN}',
        b"\xff\xfe\x00",
        b'{"name":"\xc3\x28"}',
        '{"name":"\\ud800"}',
        "[" * 5000,
        '{"a":' * 5000,
    ],
)
def test_what_is_not_a_json_object_is_400(client, method, path, _, body):
    check_problem(send(client, method, path, body), 400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("method, path, body", _WRITES)
@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin-1",
        "multipart/form-data; boundary=x",
    ],
)
def test_another_media_type_is_415(client, method, path, body, content_type):
    check_problem(send(client, method, path, body, {"Content-Type": content_type}), 415)


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON", "application/json; charset=utf-8"]
)
def test_json_is_json_however_it_is_spelt(client, content_type):
    # A body that is read and then refused for its field.
    assert pointers(
        check_problem(
            send(
                client, "POST", "/api/users", {**_USER, "email": ""}, {"Content-Type": content_type}
            ),
            422,
        )
    )


@pytest.mark.parametrize(
    "method, path, body, field", [(m, p, b, field) for m, p, b in _WRITES for field in b]
)
@pytest.mark.parametrize("wrong", [None, True, [], {}, {"a": 1}, [[]]])
def test_a_field_of_the_wrong_type_is_named(client, method, path, body, field, wrong):
    problem = check_problem(
        send(client, method, path, {**body, field: wrong}), 422, "INVALID_ARGUMENT"
    )
    assert len(pointers(problem)) == 1 and pointers(problem) <= {f"/{field}", f"/{field}/0"}


@pytest.mark.parametrize(
    "method, path, body, field",
    [
        (m, p, b, field)
        for m, p, b in _WRITES
        if m == "POST"
        for field in b
        if field not in _OPTIONAL.get(p, ())
    ],
)
def test_a_missing_field_is_named(client, method, path, body, field):
    left = {name: value for name, value in body.items() if name != field}
    assert pointers(check_problem(send(client, method, path, left), 422)) == {f"/{field}"}


@pytest.mark.parametrize("method, path, body", _WRITES)
def test_an_unknown_field_is_named_with_its_pointer_escaped(client, method, path, body):
    problem = check_problem(send(client, method, path, {**body, "a/b~c": 1}), 422)
    assert pointers(problem) == {"/a~1b~0c"}


def test_all_bad_fields_are_named_at_once(client):
    bad = {
        "orderId": 0,
        "userId": -1,
        "amount": 1.5,
        "currency": "euro",
        "paymentMethodToken": "",
        "more": 1,
    }
    assert pointers(check_problem(send(client, "POST", "/api/payments", bad), 422)) >= {
        "/orderId",
        "/userId",
        "/amount",
        "/currency",
        "/paymentMethodToken",
        "/more",
    }


def test_an_address_that_is_none_is_named_beside_an_empty_name(client):
    answer = send(client, "POST", "/api/users", {"email": "x", "name": ""})
    assert pointers(check_problem(answer, 422)) == {"/email", "/name"}


def test_a_product_that_is_ordered_twice_is_named_beside_a_bad_quantity(client):
    items = [{"productId": 1, "quantity": 0}, {"productId": 1, "quantity": 1}]
    answer = send(client, "POST", "/api/orders", {"userId": 1, "items": items})
    assert pointers(check_problem(answer, 422)) == {"/items/0/quantity", "/items/1/productId"}


def test_bad_items_are_named_by_their_place(client):
    items = [{"productId": 1, "quantity": 1}, {"productId": 0, "quantity": 0}, {"quantity": "2"}, 7]
    problem = check_problem(send(client, "POST", "/api/orders", {"userId": 1, "items": items}), 422)
    assert pointers(problem) >= {
        "/items/1/productId",
        "/items/1/quantity",
        "/items/2/productId",
        "/items/2/quantity",
        "/items/3",
    }


@pytest.mark.parametrize(
    "items",
    [
        [],
        [{"productId": 1, "quantity": 1}] * 51,
        [{"productId": 1, "quantity": 1001}],
        [{"productId": 1, "quantity": -1}],
        [{"productId": 1, "quantity": 1e3}],
        [{"productId": 2**53, "quantity": 1}],
        [{"productId": 1, "quantity": 1}] * 2,
    ],
)
def test_an_order_of_nonsense_is_422(client, items):
    assert pointers(
        check_problem(send(client, "POST", "/api/orders", {"userId": 1, "items": items}), 422)
    )


@pytest.mark.parametrize(
    "email",
    [
        "",
        "nobody",
        "a@",
        "@b",
        "a b@example.com",
        "a@b@c",
        "x" * 250 + "@example.com",
        "line\nbreak@example.com",
        "nul\0@example.com",
    ],
)
def test_what_is_no_address_is_422(client, email):
    assert pointers(
        check_problem(send(client, "POST", "/api/users", {"email": email, "name": "N"}), 422)
    ) == {"/email"}


@pytest.mark.parametrize("name", ["", "x" * 101, "nul\0"])
def test_what_is_no_name_is_422(client, name):
    body = {"email": f"{uuid.uuid4().hex}@example.com", "name": name}
    assert pointers(check_problem(send(client, "POST", "/api/users", body), 422)) == {"/name"}


@pytest.mark.parametrize("resource", ["users", "orders", "payments", "products"])
@pytest.mark.parametrize(
    "number",
    [
        "0",
        "-1",
        "abc",
        "1.5",
        "9007199254740992",
        "18446744073709551616",
        "1e3",
        "+1",
        "0x1",
        "%20",
    ],
)
def test_an_id_that_is_none_is_422(client, resource, number):
    assert pointers(check_problem(client.get(f"/api/{resource}/{number}"), 422)) == {"/id"}


@pytest.mark.parametrize("path", ["/api/users", "/api/orders", "/api/payments", "/api/products"])
@pytest.mark.parametrize(
    "query, pointer",
    [
        ("page_size=-1", "/page_size"),
        ("page_size=ten", "/page_size"),
        ("page_token=nonsense", "/page_token"),
        ("colour=red", "/colour"),
        ("page_size=1&page_size=2", "/page_size"),
    ],
)
def test_a_bad_query_is_422_by_its_name(client, path, query, pointer):
    assert pointers(check_problem(client.get(f"{path}?{query}"), 422)) == {pointer}


def test_a_page_token_of_another_filter_is_refused(client):
    token = client.get("/api/orders?page_size=1").json()["nextPageToken"]
    assert pointers(
        check_problem(
            client.get("/api/orders", params={"page_size": 1, "user_id": 1, "page_token": token}),
            422,
        )
    ) == {"/page_token"}


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_an_idempotency_key_must_be_one(client, key):
    check_problem(send(client, "POST", "/api/payments", _PAYMENT, {"Idempotency-Key": key}), 400)


@pytest.mark.parametrize("method, path, body", [w for w in _WRITES if w[0] == "POST"])
@pytest.mark.parametrize("second", ["first", "second"])
def test_of_two_idempotency_keys_none_is_taken(client, method, path, body, second):
    first = uuid.uuid4().hex
    keys = [first, first if second == "first" else uuid.uuid4().hex]
    headers = [("Content-Type", "application/json"), *(("Idempotency-Key", key) for key in keys)]
    answer = client.request(method, path, content=json.dumps(body), headers=headers)
    assert "more than once" in check_problem(answer, 400, "INVALID_ARGUMENT")["detail"]


@pytest.mark.parametrize("size", [70_000, 300_000, 5_000_000])
def test_a_body_over_the_limit_is_413(client, size):
    """Of the gateway or, over its own limit, of nginx."""
    check_problem(send(client, "POST", "/api/users", {**_USER, "name": "x" * size}), 413)


def test_a_body_where_none_belongs_is_refused_or_ignored(client):
    answer = client.request("GET", "/api/count", content=b"{}", headers=_JSON)
    assert answer.status_code in (200, 400, 413)


def test_huge_headers_are_431(client):
    check_problem(client.get("/api/count", headers={"X-Padding": "x" * 7000}), 431)
    check_problem(
        client.get("/api/count", headers={f"X-Padding-{k}": "x" * 4000 for k in range(5)}), 431
    )


def test_a_very_long_request_line_is_414(client):
    check_problem(client.get("/api/users?page_token=" + "x" * 20000), 414)


@pytest.mark.parametrize(
    "path",
    [
        "/api/users/%00",
        "/api/users/%zz",
        "/api/users/%c3%28",
        "/api//users",
        "/api/users/1/",
        "/api/users/1%2foverview",
        "/api/../etc/passwd",
        "/api/users/..%2f..%2fmetrics",
        "/API/USERS",
    ],
)
def test_a_strange_path_is_a_client_error(client, path):
    answer = client.get(path)
    assert answer.status_code in (400, 404, 422), answer.text
    check_problem(answer, answer.status_code)


def test_an_injection_is_just_a_string(client):
    name = "Robert'); DROP TABLE users;--"
    made = client.post(
        "/api/users", json={"email": f"{uuid.uuid4().hex}@example.com", "name": name}
    )
    assert made.status_code == 201
    assert client.get(f"/api/users/{made.json()['id']}").json()["name"] == name


def test_random_bytes_as_a_body_are_a_client_error(client):
    generator = random.Random(20261120)
    for method, path, _ in _WRITES:
        for _ in range(25):
            answer = send(client, method, path, generator.randbytes(generator.randrange(1, 400)))
            check_problem(answer, 400)
