"""Every route, through nginx, against the real services: shapes, codes, headers."""

import re
import uuid

import pytest

from native_stack import eventually
from problems import check_problem, pointers

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def new_user(client, name="Ada Example"):
    answer = client.post(
        "/api/users", json={"email": f"{uuid.uuid4().hex}@example.com", "name": name}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def new_order(client, user_id, items=None):
    answer = client.post(
        "/api/orders", json={"userId": user_id, "items": items or [{"productId": 1, "quantity": 2}]}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def payment_for(order, token="tok_success"):
    return {
        "orderId": order["id"],
        "userId": order["userId"],
        "amount": order["total"]["amount"],
        "currency": order["total"]["currency"],
        "paymentMethodToken": token,
    }


# Every answer


@pytest.mark.parametrize(
    "path", ["/api/count", "/api/users", "/api/users/1", "/api/health", "/api/nothing", "/nothing"]
)
def test_every_answer_names_its_instance_and_its_request(client, path):
    answer = client.get(path)
    assert answer.headers["x-instance-id"]
    assert answer.headers["x-request-id"]
    assert "Python" not in answer.headers.get("server", "")


@pytest.mark.parametrize("mine", [f"e2e-{uuid.uuid4()}", None], ids=["own", "none"])
def test_a_request_has_one_id_in_its_answer_and_in_both_logs(stack, client, mine):
    answer = client.get("/api/users/1", headers={"X-Request-Id": mine} if mine else {})
    request_id = answer.headers["x-request-id"]
    assert mine in (request_id, None)
    eventually(lambda: f'"requestId":"{request_id}"' in stack.log("nginx"))
    eventually(lambda: f'"requestId":"{request_id}"' in stack.log(answer.headers["x-instance-id"]))


@pytest.mark.parametrize("mine", [f"e2e-{uuid.uuid4()}", None], ids=["own", "none"])
def test_what_nginx_answers_by_itself_has_an_id_too(stack, client, mine):
    answer = client.get("/nothing", headers={"X-Request-Id": mine} if mine else {})
    request_id = answer.headers["x-request-id"]
    assert mine in (request_id, None)
    assert answer.json()["requestId"] == request_id
    eventually(lambda: f'"requestId":"{request_id}"' in stack.log("nginx"))


@pytest.mark.parametrize("bad", ["with blank", "x" * 200, 'quote"s', "<script>"])
def test_a_malformed_request_id_is_replaced(client, bad):
    made = client.get("/api/count", headers={"X-Request-Id": bad}).headers["x-request-id"]
    assert made != bad
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", made)


def test_head_is_get_without_a_body(client):
    got, headed = client.get("/api/users/1"), client.head("/api/users/1")
    assert headed.status_code == 200
    assert headed.content == b""
    assert headed.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize(
    "method, path, allowed",
    [
        ("DELETE", "/api/count", {"GET", "HEAD"}),
        ("PUT", "/api/users", {"GET", "HEAD", "POST"}),
        ("POST", "/api/users/1", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("GET", "/api/orders/1/cancel", {"POST"}),
        ("PATCH", "/api/payments", {"GET", "HEAD", "POST"}),
    ],
)
def test_another_method_of_a_known_path_is_405_with_allow(client, method, path, allowed):
    answer = client.request(method, path)
    check_problem(answer, 405, "UNIMPLEMENTED")
    said = {word.strip() for word in answer.headers["allow"].split(",")}
    assert said - {"OPTIONS"} >= allowed - {"HEAD"}


def test_an_unknown_route_is_a_404_problem(client):
    problem = check_problem(client.get("/api/no/such/route"), 404, "NOT_FOUND")
    assert problem["instance"] == "/api/no/such/route"


# Users


def test_a_user_can_be_made_read_changed_and_deleted(client):
    email = f"{uuid.uuid4().hex}@example.com"
    made = client.post("/api/users", json={"email": email, "name": "Zoë 李"})
    assert made.status_code == 201
    user = made.json()
    path = f"/api/users/{user['id']}"
    assert made.headers["location"] == path
    assert (user["email"], user["name"]) == (email, "Zoë 李")
    assert _TIME.fullmatch(user["createdAt"]) and _TIME.fullmatch(user["updatedAt"])
    assert client.get(path).json() == user

    changed = client.patch(path, json={"name": "Zoë Changed"})
    assert changed.status_code == 200
    assert changed.json()["name"] == "Zoë Changed"
    assert changed.json()["email"] == email

    assert client.delete(path).status_code == 204
    check_problem(client.get(path), 404, "NOT_FOUND")
    check_problem(client.delete(path), 404, "NOT_FOUND")
    check_problem(client.patch(path, json={"name": "Nobody"}), 404, "NOT_FOUND")


def test_an_email_belongs_to_one_user_whatever_its_case(client):
    user = new_user(client)
    again = client.post("/api/users", json={"email": user["email"].upper(), "name": "Another"})
    check_problem(again, 409, "ALREADY_EXISTS")


def test_the_public_list_of_users_has_no_addresses_and_can_be_paged(client):
    seen, token = [], ""
    for _ in range(5):
        page = client.get(
            "/api/users",
            params={"page_size": 7, "page_token": token} if token else {"page_size": 7},
        ).json()
        assert len(page["items"]) == 7
        seen += [item["id"] for item in page["items"]]
        assert all(set(item) == {"id", "name", "createdAt"} for item in page["items"])
        token = page["nextPageToken"]
        assert token
    assert len(set(seen)) == 35


def test_a_page_has_at_most_a_hundred_items_and_twenty_by_default(client):
    assert len(client.get("/api/users?page_size=1000").json()["items"]) == 100
    assert len(client.get("/api/users").json()["items"]) == 20


def test_the_last_page_says_so(client):
    user = new_user(client)
    page = client.get(f"/api/orders?user_id={user['id']}").json()
    assert page["items"] == []
    assert not page.get("nextPageToken")


# Products and orders


def test_the_catalog_can_be_read(client):
    page = client.get("/api/products?page_size=5").json()
    first = page["items"][0]
    assert set(first) == {"id", "name", "price", "createdAt"}
    assert isinstance(first["price"]["amount"], int) and re.fullmatch(
        "[A-Z]{3}", first["price"]["currency"]
    )
    assert client.get(f"/api/products/{first['id']}").json() == first
    check_problem(client.get("/api/products/9007199254740991"), 404, "NOT_FOUND")


def test_an_order_takes_the_prices_of_the_catalog(client):
    user = new_user(client)
    one, two = (client.get(f"/api/products/{k}").json() for k in (1, 2))
    made = client.post(
        "/api/orders",
        json={
            "userId": user["id"],
            "items": [{"productId": 1, "quantity": 3}, {"productId": 2, "quantity": 1}],
        },
    )
    assert made.status_code == 201
    order = made.json()
    assert made.headers["location"] == f"/api/orders/{order['id']}"
    assert order["status"] == "PENDING"
    assert order["total"] == {
        "amount": 3 * one["price"]["amount"] + two["price"]["amount"],
        "currency": one["price"]["currency"],
    }
    assert [item["unitPrice"] for item in order["items"]] == [one["price"], two["price"]]
    assert client.get(f"/api/orders/{order['id']}").json() == order
    assert [
        item["id"] for item in client.get(f"/api/orders?user_id={user['id']}").json()["items"]
    ] == [order["id"]]


def test_a_pending_order_can_be_cancelled_and_that_twice(client):
    order = new_order(client, new_user(client)["id"])
    for _ in range(2):
        answer = client.post(f"/api/orders/{order['id']}/cancel")
        assert answer.status_code == 200
        assert answer.json()["status"] == "CANCELLED"
    check_problem(client.post("/api/orders/9007199254740991/cancel"), 404, "NOT_FOUND")


def test_an_order_for_an_unknown_product_is_refused_by_its_field(client):
    answer = client.post(
        "/api/orders", json={"userId": 1, "items": [{"productId": 9007199254740991, "quantity": 1}]}
    )
    assert "/items/0/productId" in pointers(check_problem(answer, 422))


# Payments


def test_a_payment_is_made_once_for_its_key(client):
    order = new_order(client, new_user(client)["id"])
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    first, second = (
        client.post("/api/payments", json=payment_for(order), headers=headers) for _ in range(2)
    )
    assert first.status_code == second.status_code == 201
    payment = first.json()
    assert first.headers["location"] == f"/api/payments/{payment['id']}"
    assert second.headers["idempotent-replayed"] == "true"
    assert second.json() == payment
    assert payment["status"] in ("AUTHORIZED", "CAPTURED")
    assert (payment["amount"], payment["currency"]) == (
        order["total"]["amount"],
        order["total"]["currency"],
    )
    assert client.get(f"/api/payments/{payment['id']}").json() == payment
    listed = client.get(
        "/api/payments", params={"user_id": order["userId"], "order_id": order["id"]}
    ).json()["items"]
    assert [item["id"] for item in listed] == [payment["id"]]


def test_a_payment_without_a_key_is_400(client):
    check_problem(
        client.post("/api/payments", json=payment_for(new_order(client, 1))),
        400,
        "INVALID_ARGUMENT",
    )


def test_a_declined_card_is_a_failed_payment_not_an_error(client):
    order = new_order(client, new_user(client)["id"])
    answer = client.post(
        "/api/payments",
        json=payment_for(order, "tok_decline"),
        headers={"Idempotency-Key": uuid.uuid4().hex},
    )
    assert answer.status_code == 201
    assert answer.json()["status"] == "FAILED"
    assert answer.json()["failureReason"]


def test_a_charge_whose_reply_was_lost_is_found_again_with_its_key(client):
    order = new_order(client, new_user(client)["id"])
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    answers = [
        client.post("/api/payments", json=payment_for(order, "tok_lost_reply"), headers=headers)
        for _ in range(3)
    ]
    assert answers[-1].status_code == 201, [answer.text for answer in answers]
    payments = client.get("/api/payments", params={"order_id": order["id"]}).json()["items"]
    assert len(payments) == 1


# What answers to reads say of caches


_PUBLIC = r"public, max-age=0, s-maxage=\d+, stale-while-revalidate=\d+, stale-if-error=\d+"
_PRIVATE = "private, no-cache"


@pytest.mark.parametrize(
    "path, caching, cached",
    [
        ("/api/users", _PUBLIC, False),
        ("/api/users/1", _PRIVATE, True),
        ("/api/users/1/overview", _PRIVATE, True),
        ("/api/products", _PUBLIC, True),
        ("/api/products/1", _PUBLIC, True),
        ("/api/orders?user_id=1", _PRIVATE, True),
        ("/api/orders", _PRIVATE, False),
        ("/api/orders/1", _PRIVATE, True),
        ("/api/payments?user_id=1", _PRIVATE, True),
        ("/api/payments", _PRIVATE, False),
        ("/api/payments/{payment}", _PRIVATE, True),
    ],
)
def test_a_read_names_its_validator_and_who_may_keep_it(client, path, caching, cached):
    path = path.format(payment=client.get("/api/payments").json()["items"][0]["id"])
    for headers in ({}, {}, {"Cache-Control": "no-cache"}):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 200
        assert re.fullmatch(r'(W/)?"[0-9a-f]{16}"', answer.headers["etag"])
        assert re.fullmatch(caching, answer.headers["cache-control"])
        assert ("x-cache" in answer.headers) == ("cache-status" in answer.headers) == cached
        if cached:
            check_cache_headers(answer)
    tag = answer.headers["etag"]
    same = client.get(path, headers={"If-None-Match": tag})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert same.headers["x-request-id"] and same.headers["x-instance-id"]


def check_cache_headers(answer):
    result, status = answer.headers["x-cache"], answer.headers["cache-status"]
    if result in ("HIT", "STALE"):
        assert re.fullmatch(r"scaleout; hit; ttl=-?\d+", status)
        assert int(answer.headers["age"]) >= 0
    else:
        assert result in ("MISS", "BYPASS")
        assert re.fullmatch(r"scaleout; fwd=(request|bypass|miss(; collapsed)?)", status)
        assert "age" not in answer.headers


@pytest.mark.parametrize("path", ["/api/count", "/api/health", "/api/metrics"])
def test_what_is_true_of_the_moment_only_is_not_kept(client, path):
    answer = client.get(path)
    assert answer.headers["cache-control"] == "no-store"
    assert not {"etag", "x-cache", "cache-status", "age"} & set(answer.headers)


# Aggregates


def test_an_overview_joins_three_services(client):
    user = new_user(client)
    order = new_order(client, user["id"])
    client.post(
        "/api/payments", json=payment_for(order), headers={"Idempotency-Key": uuid.uuid4().hex}
    ).raise_for_status()
    answer = client.get(f"/api/users/{user['id']}/overview")
    assert answer.status_code == 200
    assert answer.headers["x-aggregate-complete"] == "true"
    overview = answer.json()
    assert overview["user"] == user
    assert [item["id"] for item in overview["orders"]["items"]] == [order["id"]]
    assert len(overview["payments"]["items"]) == 1
    parts = overview["_meta"]["parts"]
    assert set(parts) == {"user", "orders", "payments"}
    assert all(part["status"] == "ok" and part["latencyMs"] >= 0 for part in parts.values())


def test_an_overview_of_an_unknown_user_is_404(client):
    check_problem(client.get("/api/users/9007199254740991/overview"), 404, "NOT_FOUND")


def test_the_demo_data_is_there(stack, client):
    assert int(stack.query("users", "SELECT count(*) FROM users")) >= 1000
    assert int(stack.query("orders", "SELECT count(*) FROM orders")) >= 5000
    assert int(stack.query("payments", "SELECT count(*) FROM payments")) >= 2500
    assert client.get("/api/users/1/overview").status_code == 200
