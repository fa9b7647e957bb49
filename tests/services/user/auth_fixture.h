// AuthService over fakes of what it asks, and a hasher that costs microseconds.
#ifndef SCALEOUT_TESTS_SERVICES_USER_AUTH_FIXTURE_H_
#define SCALEOUT_TESTS_SERVICES_USER_AUTH_FIXTURE_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/status.h"
#include "services/user/auth_service.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_revocations.h"

namespace scaleout::user {

inline constexpr char kEmail[] = "ada@example.com";
inline constexpr char kPassword[] = "correct horse battery";
inline constexpr char kSid[] = "0123456789abcdef0123456789abcdef";

class FakeCredentials final : public CredentialRepository {
 public:
  absl::StatusOr<std::optional<Credential>> Find(const CallContext&,
                                                 const std::string& email) override {
    ++finds;
    on_find();
    if (!failure.ok()) return failure;
    if (email != kEmail || hash.empty()) return std::nullopt;
    return Credential{UserId(7), hash, 3};
  }
  absl::StatusOr<UserRecord> Register(const CallContext&, const NewAccount& account) override {
    if (!failure.ok()) return failure;
    registered = account;
    UserRecord user;
    user.id = UserId(7);
    user.email = account.email;
    user.name = account.name;
    return user;
  }
  absl::StatusOr<UserRecord> CreateFirstAdmin(const CallContext&, const NewAccount&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<std::vector<SessionId>> SetPassword(const CallContext&, const std::string&,
                                                     const std::string&) override {
    return absl::UnimplementedError("");
  }

  std::string hash;
  NewAccount registered;
  absl::Status failure;
  std::function<void()> on_find = [] {};
  int finds = 0;
};

// Answers what the test says; records what it is asked.
class FakeSessions final : public SessionRepository {
 public:
  absl::StatusOr<std::optional<AccessClaims>> Begin(const CallContext&,
                                                    const NewSession& session) override {
    begun.push_back(session);
    if (!begins) return std::nullopt;
    return AccessClaims{session.id, session.user, Role::kCustomer, 1'700'000'000};
  }
  absl::StatusOr<RotatedSession> Rotate(const CallContext&, const RefreshToken& presented,
                                        const RefreshHash& next) override {
    next_hash = next;
    rotations.push_back(presented);
    return rotated;
  }
  absl::StatusOr<std::vector<SessionId>> End(const CallContext&, UserId user,
                                             const SessionId& id) override {
    if (user != UserId(7)) return absl::NotFoundError("no session");
    ended_by_logout = id;
    return std::vector<SessionId>{id};
  }
  absl::StatusOr<std::vector<LiveSession>> FindLive(const CallContext&,
                                                    const std::vector<SessionId>&) override {
    ++lookups;
    return live;
  }
  absl::StatusOr<std::vector<Revocation>> ListRevoked(const CallContext&,
                                                      const std::optional<Revocation>& after,
                                                      std::int32_t limit) override {
    std::vector<Revocation> page;
    for (const Revocation& revocation : revoked) {
      if (after && revocation.revoked_us <= after->revoked_us) continue;
      if (page.size() < static_cast<std::size_t>(limit)) page.push_back(revocation);
    }
    return page;
  }
  absl::StatusOr<std::int64_t> Purge(const CallContext&, std::int32_t) override { return 0; }

  std::vector<NewSession> begun;
  bool begins = true;
  std::vector<RefreshToken> rotations;
  RefreshHash next_hash;
  RotatedSession rotated;
  SessionId ended_by_logout;
  std::vector<LiveSession> live;
  std::vector<Revocation> revoked;
  int lookups = 0;
};

class AuthFixture : public ::testing::Test {
 protected:
  AuthFixture() { credentials_.hash = *hasher_.Hash(call_, kPassword); }

  std::uint64_t Hashes() {
    return metrics_
        ->AddHistogram("auth_hash_seconds", "Password hashes, without their wait", LatencyBounds())
        .count();
  }
  bool Matches(PasswordHasher& hasher, const std::string& hash) {
    return *hasher.Verify(*hasher.Reserve(call_), call_, hash, kPassword);
  }
  // Takes all that there are.
  std::vector<PasswordHasher::Place> TakePlaces() {
    std::vector<PasswordHasher::Place> places;
    while (true) {
      absl::StatusOr<PasswordHasher::Place> place = hasher_.Reserve(call_);
      if (!place.ok()) return places;
      places.push_back(*std::move(place));
    }
  }
  absl::Status Login(const std::string& email, const std::string& password) {
    v1::LoginRequest request;
    request.set_email(email);
    request.set_password(password);
    login_.Clear();
    return service_.Login(call_, request, login_);
  }
  absl::Status Refresh(const std::string& token) {
    v1::RefreshRequest request;
    request.set_refresh_token(token);
    return service_.Refresh(call_, request, refresh_);
  }
  absl::Status Logout(const Principal& principal, const std::string& session) {
    v1::LogoutRequest request;
    v1::LogoutResponse response;
    ToProto(principal, *request.mutable_principal());
    request.set_session_id(session);
    return service_.Logout(call_, request, response);
  }
  static void AddKey(v1::CheckSessionsRequest& request, const std::string& session, int user,
                     rpc::v1::Role role) {
    auto& key = *request.add_keys();
    key.set_session_id(session);
    key.set_user_id(user);
    key.set_role(role);
  }

  static constexpr HashCost kTiny{1, 8192};
  scaleout::testing::FakeClock clock_;
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  const CallContext call_;
  FakeCredentials credentials_;
  FakeSessions sessions_;
  scaleout::testing::FakeRevocations revocations_;
  PasswordHasher hasher_{{.cost = kTiny}, *metrics_, clock_};
  const TokenKey key_ = TokenKey::Random();
  const TokenSigner signer_{key_, "scaleout", "scaleout-api"};
  AuthService service_{credentials_, sessions_, hasher_, &signer_, revocations_};
  v1::LoginResponse login_;
  v1::RefreshResponse refresh_;
};

}  // namespace scaleout::user

#endif  // SCALEOUT_TESTS_SERVICES_USER_AUTH_FIXTURE_H_
