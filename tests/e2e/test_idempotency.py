"""Creating something again with the same Idempotency-Key: what was answered is answered again, and
nothing is made. Payments: test_paid_orders.py.
"""

import uuid

from problems import check_problem


def new_user():
    return {"email": f"{uuid.uuid4().hex}@example.com", "name": "Ada Example"}


def create(client, path, body, key):
    return client.post(path, json=body, headers={"Idempotency-Key": key})


def check_replay(client, path, body, key):
    """Of what is made by that; as it was answered."""
    first = create(client, path, body, key)
    assert first.status_code == 201, first.text
    assert "idempotent-replayed" not in first.headers
    again = create(client, path, body, key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    return first.json()


def check_reused(answer):
    assert check_problem(answer, 422)["type"] == "/problems/idempotency-key-reused"


def test_a_user_is_made_once(client):
    body, key = new_user(), uuid.uuid4().hex
    user = check_replay(client, "/api/users", body, key)
    check_reused(create(client, "/api/users", {**body, "name": "Another"}, key))
    path = f"/api/users/{user['id']}"
    assert client.patch(path, json={"name": "Changed"}).status_code == 200
    assert create(client, "/api/users", body, key).json() == user
    # With the user goes what was answered of it.
    assert client.delete(path).status_code == 204
    problem = check_problem(create(client, "/api/users", body, key), 404, "NOT_FOUND")
    assert body["email"] not in str(problem)


def test_an_order_is_made_once(client):
    body = {"userId": 1, "items": [{"productId": 1, "quantity": 1}]}
    key = uuid.uuid4().hex
    order = check_replay(client, "/api/orders", body, key)
    check_reused(create(client, "/api/orders", {**body, "userId": 2}, key))
    assert client.post(f"/api/orders/{order['id']}/cancel").json()["status"] == "CANCELLED"
    assert create(client, "/api/orders", body, key).json() == order


def test_a_refused_creation_leaves_the_key_as_it_was(client):
    taken, key = new_user(), uuid.uuid4().hex
    assert client.post("/api/users", json=taken).status_code == 201
    check_problem(create(client, "/api/users", taken, key), 409, "ALREADY_EXISTS")
    check_replay(client, "/api/users", new_user(), key)


def test_a_key_is_of_one_route(client):
    key = uuid.uuid4().hex
    check_replay(client, "/api/users", new_user(), key)
    body = {"userId": 1, "items": [{"productId": 1, "quantity": 1}]}
    check_replay(client, "/api/orders", body, key)
