// UTF-8 as RFC 3629 has it: shortest forms only, no surrogates, nothing over U+10FFFF.
//
// What leaves the process as JSON (log lines, problem documents) has to be UTF-8, and what comes in
// as text is refused where it is not. Pure and linear in the text's length.
#ifndef SCALEOUT_COMMON_UTF8_H_
#define SCALEOUT_COMMON_UTF8_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace scaleout {

// How many bytes the character at the start of `text` takes; 0 if there is none.
std::size_t Utf8CharacterSize(std::string_view text);

bool IsUtf8(std::string_view text);

// `text` with U+FFFD in place of each byte that belongs to no character.
std::string ToUtf8(std::string_view text);

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_UTF8_H_
