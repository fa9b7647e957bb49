// A bulkhead for each payment method: of the threads that wait for the provider, one method has a
// share at most, so that one which never answers does not keep the others' payments.
//
// Methods are counted while they have a call at work, so the memory is bounded by the threads.
// Thread-safe.
#ifndef SCALEOUT_SERVICES_PAYMENT_TOKEN_BULKHEAD_H_
#define SCALEOUT_SERVICES_PAYMENT_TOKEN_BULKHEAD_H_

#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace scaleout::payment {

class TokenBulkhead {
 public:
  // Ends its share when it is destroyed.
  class Permit {
   public:
    Permit(TokenBulkhead& bulkhead, std::string token);
    Permit(Permit&& other) noexcept;
    Permit& operator=(Permit&&) = delete;
    ~Permit();

   private:
    TokenBulkhead* bulkhead_;
    std::string token_;
  };

  explicit TokenBulkhead(int max_concurrent_calls) : max_concurrent_calls_(max_concurrent_calls) {}
  TokenBulkhead(const TokenBulkhead&) = delete;
  TokenBulkhead& operator=(const TokenBulkhead&) = delete;

  // Nothing if so many calls of that method are at work.
  std::optional<Permit> TryAcquire(const std::string& token);

 private:
  void Release(const std::string& token);

  const int max_concurrent_calls_;
  std::mutex mutex_;
  std::map<std::string, int> calls_;
};

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_TOKEN_BULKHEAD_H_
