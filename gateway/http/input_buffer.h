// The bytes that a connection has received and not used yet.
//
// Consume moves an offset, not bytes, so that taking many small requests out of one buffer costs
// time linear in the bytes. Append moves what is left to the front once at least as many bytes have
// been consumed as are left: each byte is moved at most once on average. Memory is bounded by the
// caller, who appends only what it has room for; what one large request needed is given back when
// the buffer is empty. Units are bytes. Not thread-safe: it belongs to its connection's loop.
#ifndef SCALEOUT_GATEWAY_HTTP_INPUT_BUFFER_H_
#define SCALEOUT_GATEWAY_HTTP_INPUT_BUFFER_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace scaleout::gateway {

// What an empty buffer of an idle connection may hold on to: enough for the usual head.
inline constexpr std::size_t kKeptBufferBytes = 4 * 1024;

class InputBuffer {
 public:
  // Valid until the next call of a function that is not const.
  std::string_view view() const { return std::string_view(bytes_).substr(start_); }
  std::size_t size() const { return bytes_.size() - start_; }
  bool empty() const { return size() == 0; }
  // What is allocated, used or not.
  std::size_t capacity() const { return bytes_.capacity(); }

  void Append(std::string_view bytes) {
    if (start_ > 0 && start_ >= size()) {
      bytes_.erase(0, start_);
      start_ = 0;
    }
    bytes_.append(bytes);
  }

  // Drops the first `count` bytes; there are that many.
  void Consume(std::size_t count) {
    start_ += count;
    if (start_ == bytes_.size()) Clear();
  }

  void Clear() {
    start_ = 0;
    if (bytes_.capacity() > kKeptBufferBytes) {
      std::string().swap(bytes_);
    } else {
      bytes_.clear();
    }
  }

 private:
  std::string bytes_;
  std::size_t start_ = 0;  // of what has not been consumed
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_INPUT_BUFFER_H_
