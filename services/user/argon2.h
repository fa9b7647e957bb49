// The hash of a password by argon2id (RFC 9106), through libsodium, as text with its cost and its
// salt: "$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>".
//
// libsodium's own comparison (crypto_pwhash_str_verify of 1.0.18) answers alike for another
// password and for want of memory, and sets the same errno; so the text is read here. What is of
// another form is the hash of no password. Thread-safe, after StartSodium() (random_bytes.h).
#ifndef SCALEOUT_SERVICES_USER_ARGON2_H_
#define SCALEOUT_SERVICES_USER_ARGON2_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace scaleout::user {

// What a hash costs. Not settings: raising them is a change of the program, and stored hashes are
// made anew when their users log in.
struct HashCost {
  unsigned long long passes = 0;
  std::size_t memory_bytes = 0;
};
// OWASP's parameters.
inline constexpr HashCost kHashCost{2, std::size_t{19} * 1024 * 1024};

// With a random salt. Nothing: there is no memory.
std::optional<std::string> MakeArgon2(const HashCost& cost, std::string_view password);
// Whether `hash` is that of `password`, at whatever cost. Nothing: there is no memory.
std::optional<bool> MatchesArgon2(const std::string& hash, std::string_view password);

// Whether `hash` was made at another cost.
bool HasOtherCost(const std::string& hash, const HashCost& cost);
// A hash of no password.
std::string DummyArgon2(const HashCost& cost);

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_ARGON2_H_
