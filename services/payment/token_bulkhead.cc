#include "services/payment/token_bulkhead.h"

#include <utility>

namespace scaleout::payment {

TokenBulkhead::Permit::Permit(TokenBulkhead& bulkhead, std::string token)
    : bulkhead_(&bulkhead), token_(std::move(token)) {}

TokenBulkhead::Permit::Permit(Permit&& other) noexcept
    : bulkhead_(std::exchange(other.bulkhead_, nullptr)), token_(std::move(other.token_)) {}

TokenBulkhead::Permit::~Permit() {
  if (bulkhead_ != nullptr) bulkhead_->Release(token_);
}

std::optional<TokenBulkhead::Permit> TokenBulkhead::TryAcquire(const std::string& token) {
  const std::lock_guard lock(mutex_);
  int& calls = calls_[token];
  if (calls >= max_concurrent_calls_) return std::nullopt;
  ++calls;
  return std::optional<Permit>(std::in_place, *this, token);
}

void TokenBulkhead::Release(const std::string& token) {
  const std::lock_guard lock(mutex_);
  const auto found = calls_.find(token);
  if (--found->second == 0) calls_.erase(found);
}

}  // namespace scaleout::payment
