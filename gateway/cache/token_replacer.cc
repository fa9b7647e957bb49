#include "gateway/cache/token_replacer.h"

#include <utility>

#include "gateway/cache/cache_tokens.h"

namespace scaleout::gateway {

std::vector<std::string_view> ReplaceCommand(const std::vector<std::string>& keys,
                                             std::string_view token) {
  std::vector<std::string_view> command = {"MSET"};
  for (const std::string& key : keys) {
    command.emplace_back(key);
    command.emplace_back(token);
  }
  return command;
}

TokenReplacer::TokenReplacer(const RedisServer& server, const RedisClientOptions& options,
                             const Clock& clock, TokenSource random)
    : redis_(server, options, clock), random_(std::move(random)) {}

absl::Status TokenReplacer::Replace(const std::vector<std::string>& names) {
  std::vector<std::string> keys;
  keys.reserve(names.size());
  if (names.empty()) keys.emplace_back(kEpochKey);
  for (const std::string& name : names) keys.push_back(TokenKey(name));
  return redis_.Ask(ReplaceCommand(keys, NextToken(random_))).status();
}

}  // namespace scaleout::gateway
