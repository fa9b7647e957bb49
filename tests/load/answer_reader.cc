#include "tests/load/answer_reader.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace scaleout::load {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kVersion = "http/1.1 ";
constexpr std::size_t kMaxHead = 16 * 1024;

// The value of a field in a head that is all lower case; empty if it is not there.
std::string_view FieldOf(std::string_view head, std::string_view name) {
  const std::size_t at = head.find(name);
  if (at == std::string_view::npos) return {};
  head.remove_prefix(at + name.size());
  head = head.substr(0, head.find("\r\n"));
  return head.substr(std::min(head.find_first_not_of(' '), head.size()));
}

template <typename Number>
bool ParseNumber(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

AnswerReader::State AnswerReader::Take(std::string_view bytes) {
  if (!in_body_) {
    const std::size_t before = head_.size();
    head_ += bytes;
    const std::size_t end = head_.find(kHeadEnd, before < 3 ? 0 : before - 3);
    if (end == std::string::npos) {
      return head_.size() > kMaxHead ? State::kBroken : State::kIncomplete;
    }
    const std::size_t head_size = end + kHeadEnd.size();
    bytes.remove_prefix(head_size - before);
    head_.resize(head_size);
    if (!ParseHead()) return State::kBroken;
    head_.clear();
    in_body_ = true;
  }
  if (bytes.size() > body_left_) return State::kBroken;
  body_left_ -= bytes.size();
  if (body_left_ > 0) return State::kIncomplete;
  in_body_ = false;
  return State::kComplete;
}

bool AnswerReader::ParseHead() {
  std::ranges::transform(head_, head_.begin(), [](unsigned char c) { return std::tolower(c); });
  const std::string_view head = head_;
  if (!head.starts_with(kVersion)) return false;
  if (!ParseNumber(head.substr(kVersion.size(), 3), status_)) return false;
  closes_ = FieldOf(head, "\r\nconnection:") == "close";
  const std::string_view length = FieldOf(head, "\r\ncontent-length:");
  body_left_ = 0;
  return length.empty() ? status_ == 204 : ParseNumber(length, body_left_);
}

}  // namespace scaleout::load
