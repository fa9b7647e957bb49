#include "services/user/user_verbs.h"

#include <chrono>
#include <istream>
#include <memory>
#include <string>

#include "common/call_context.h"
#include "common/clock.h"
#include "common/metrics.h"
#include "common/str_cat.h"
#include "common/utf8.h"
#include "proto/scaleout/user/v1/auth_limits.h"
#include "proto/scaleout/user/v1/user_limits.h"
#include "service/events/outbox.h"
#include "services/user/credential_repository.h"
#include "services/user/password_hasher.h"
#include "services/user/user_events.h"

namespace scaleout::user {
namespace {

// Of one verb's work, once the database is there.
constexpr std::chrono::seconds kVerbLimit{20};

absl::Status MakeSigningKey(const VerbCall& call) {
  call.out << TokenKey::Random().PrivatePem();
  return absl::OkStatus();
}

absl::Status PrintPublicKey(const AuthConfig& config, const VerbCall& call) {
  if (!config.signing_key) {
    return absl::FailedPreconditionError("AUTH_SIGNING_KEY is not set");
  }
  call.out << config.signing_key->PublicPem();
  return absl::OkStatus();
}

absl::Status CheckText(std::string_view what, std::string_view value,
                       const rpc::v1::Violation& violation) {
  if (!IsUtf8(value)) return absl::InvalidArgumentError(StrCat(what, " must be UTF-8"));
  if (violation) return absl::InvalidArgumentError(StrCat(what, " ", *violation));
  return absl::OkStatus();
}

CallContext OneCall() {
  CallContext call;
  call.deadline = Deadline::In(kVerbLimit, SystemClock());
  return call;
}

// The hash of the password that is the next line of `in`.
absl::StatusOr<std::string> HashLine(const CallContext& call, std::istream& in,
                                     const HashCost& cost) {
  std::string password;
  if (!std::getline(in, password)) {
    return absl::InvalidArgumentError("there is no password on standard input");
  }
  const absl::Status status =
      CheckText("the password", password, v1::FindPasswordViolation(password));
  if (!status.ok()) return status;
  const std::unique_ptr<Metrics> metrics = MakeMetrics();
  PasswordHasher hasher({.cost = cost}, *metrics, SystemClock());
  return hasher.Hash(call, password);
}

absl::Status CreateAdmin(const AuthConfig& config, const VerbCall& verb) {
  NewAccount account{verb.values.at("email"), verb.values.at("name"), {}};
  absl::Status status = CheckText("--email", account.email, v1::FindEmailViolation(account.email));
  if (!status.ok()) return status;
  status = CheckText("--name", account.name, v1::FindNameViolation(account.name));
  if (!status.ok()) return status;
  const CallContext call = OneCall();
  absl::StatusOr<std::string> hash = HashLine(call, verb.in, config.hasher.cost);
  if (!hash.ok()) return hash.status();
  account.password_hash = *std::move(hash);
  Outbox outbox(*verb.pool, PublishedStreams());
  const auto credentials = MakeCredentialRepository(*verb.pool, outbox);
  const absl::StatusOr<UserRecord> admin = credentials->CreateFirstAdmin(call, account);
  if (!admin.ok()) return admin.status();
  verb.out << "user " << admin->id.value() << " is the admin\n";
  return absl::OkStatus();
}

absl::Status SetPassword(const AuthConfig& config, const VerbCall& verb) {
  const std::string& email = verb.values.at("email");
  const CallContext call = OneCall();
  const absl::StatusOr<std::string> hash = HashLine(call, verb.in, config.hasher.cost);
  if (!hash.ok()) return hash.status();
  Outbox outbox(*verb.pool, PublishedStreams());
  const auto credentials = MakeCredentialRepository(*verb.pool, outbox);
  const absl::StatusOr<std::vector<SessionId>> ended = credentials->SetPassword(call, email, *hash);
  if (!ended.ok()) return ended.status();
  verb.out << "the password is set\n";
  if (ended->empty()) return absl::OkStatus();
  verb.out << "sessions that have ended: " << ended->size()
           << "; gateways refuse their tokens once a running user service has published that\n";
  return absl::OkStatus();
}

}  // namespace

std::vector<ServiceVerb> UserVerbs(const AuthConfig& config) {
  return {
      {.name = "--make-signing-key",
       .help = "prints a new private key for AUTH_SIGNING_KEY, in PEM",
       .needs = VerbNeeds::kNothing,
       .run = MakeSigningKey},
      {.name = "--public-key",
       .help =
           "prints the public key of AUTH_SIGNING_KEY, in PEM, for AUTH_PUBLIC_KEYS of gateways",
       .needs = VerbNeeds::kOwnSettings,
       .run = [&config](const VerbCall& call) { return PrintPublicKey(config, call); }},
      {.name = "--create-admin",
       .options = {"email", "name"},
       .help = "makes the first admin, once; the password is a line of standard input",
       .needs = VerbNeeds::kDatabase,
       .run = [&config](const VerbCall& call) { return CreateAdmin(config, call); }},
      {.name = "--set-password",
       .options = {"email"},
       .help = "sets a user's password, a line of standard input, and ends the user's sessions",
       .needs = VerbNeeds::kDatabase,
       .run = [&config](const VerbCall& call) { return SetPassword(config, call); }},
  };
}

}  // namespace scaleout::user
