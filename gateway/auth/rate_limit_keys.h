// What rate limits count by, as keys on redis-state: no e-mail address, no client's address and no
// user's id is in them, only a hash.
//
// An account is the e-mail address that a login names, folded so that spellings which the users'
// unique index (lower(email), services/user/migrations) takes for one are one here, too; else each
// spelling would have guesses of its own. What lower() makes of a character differs between
// locales and providers (of U+0130 it makes "i", "i" with a dot above, or nothing), so the folding
// is coarser than any of them: Unicode's full case folding of the decomposed text, in which every
// dotted and dotless i is an "i". It may take two accounts for one, which then share a limit. It
// asks no locale: a container image has none. Of characters that are younger than utf8proc's
// tables it knows no case. Pure.
#ifndef SCALEOUT_GATEWAY_AUTH_RATE_LIMIT_KEYS_H_
#define SCALEOUT_GATEWAY_AUTH_RATE_LIMIT_KEYS_H_

#include <initializer_list>
#include <string>
#include <string_view>

namespace scaleout::gateway {

// Malformed UTF-8 is no user's address and stays as it is.
std::string FoldAccount(std::string_view email);

// "rate:<policy>:" and 32 hexadecimal digits of the parts' SHA-256: of each its size and
// its text, so that ("a", "bc") is not ("ab", "c").
std::string RateLimitKey(std::string_view policy, std::initializer_list<std::string_view> parts);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_AUTH_RATE_LIMIT_KEYS_H_
