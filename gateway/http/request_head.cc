#include "gateway/http/request_head.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/str_cat.h"
#include "gateway/http/percent_decode.h"
#include "gateway/http/problem.h"

namespace scaleout::gateway {
namespace {

absl::Status BadRequest(std::string_view detail) { return HttpError(400, detail); }

constexpr std::array<bool, 256> MakeTokenTable() {
  std::array<bool, 256> table{};
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}

constexpr std::array<bool, 256> kTokenTable = MakeTokenTable();

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return kTokenTable[static_cast<unsigned char>(c)];
  });
}

bool IsFieldByte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
}

bool IsTargetByte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte < 0x7F && byte != '#';
}

Method ParseMethod(std::string_view name) {
  constexpr std::array kMethods = {Method::kGet,   Method::kHead,   Method::kPost,   Method::kPut,
                                   Method::kPatch, Method::kDelete, Method::kOptions};
  for (const Method method : kMethods) {
    if (name == MethodName(method)) return method;
  }
  return Method::kOther;
}

// A header's value without the white space around it, which is SP and HTAB only (RFC 9110, section
// 5.6.3). Abseil's function would strip VT and FF, too, which are not allowed in a value.
std::string_view StripBlanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// A target without its scheme and authority if the client sent the absolute form; the path that is
// left may be empty, and stands for "/" (RFC 9112, section 3.2.2). Nothing if the host is empty.
std::optional<std::string_view> WithoutAuthority(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!absl::StartsWithIgnoreCase(ToAbsl(target), ToAbsl(scheme))) continue;
    target.remove_prefix(scheme.size());
    const std::size_t end = std::min(target.find_first_of("/?"), target.size());
    if (end == 0) return std::nullopt;
    return target.substr(end);
  }
  if (target.starts_with('?')) return std::nullopt;
  return target;
}

absl::Status ParseTarget(std::string_view target, Request& request) {
  if (target.empty() || !std::all_of(target.begin(), target.end(), IsTargetByte)) {
    return BadRequest("The request target has a character that must be percent-encoded.");
  }
  if (target == "*" && request.method == Method::kOptions) {
    request.raw_path = target;
    request.path = "*";
    return absl::OkStatus();
  }
  const std::optional<std::string_view> rest = WithoutAuthority(target);
  if (!rest) return BadRequest("The request target has no host and no path.");
  const std::size_t question = std::min(rest->find('?'), rest->size());
  request.raw_path = question == 0 ? "/" : rest->substr(0, question);
  if (request.raw_path.front() != '/')
    return BadRequest("The request target must start with a slash.");
  std::optional<std::string> path = PercentDecode(request.raw_path);
  auto query = ParseQuery(rest->substr(std::min(question + 1, rest->size())));
  if (!path || !query) return BadRequest("The request target has a malformed percent-encoding.");
  if (query->size() > kMaxQueryParameters) {
    return BadRequest(
        StrCat("The request target has more than ", kMaxQueryParameters, " query parameters."));
  }
  request.path = *std::move(path);
  request.query = *std::move(query);
  return absl::OkStatus();
}

absl::Status ParseRequestLine(std::string_view line, Request& request) {
  const std::vector<absl::string_view> parts = absl::StrSplit(ToAbsl(line), ' ');
  if (parts.size() != 3 || !IsToken(FromAbsl(parts[0]))) {
    return BadRequest("The request line is not 'METHOD TARGET HTTP/1.1'.");
  }
  request.method = ParseMethod(FromAbsl(parts[0]));
  const std::string_view version = FromAbsl(parts[2]);
  if (version.size() != 8 || !version.starts_with("HTTP/") ||
      !absl::ascii_isdigit(static_cast<unsigned char>(version[5])) || version[6] != '.' ||
      !absl::ascii_isdigit(static_cast<unsigned char>(version[7]))) {
    return BadRequest("The request line does not end with an HTTP version.");
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return HttpError(505, "This server speaks HTTP/1.1 and HTTP/1.0.");
  }
  request.http_1_0 = version == "HTTP/1.0";
  return ParseTarget(FromAbsl(parts[1]), request);
}

absl::Status ParseFieldLine(std::string_view line, Request& request) {
  if (line.front() == ' ' || line.front() == '\t')
    return BadRequest("Folded header lines are not accepted.");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) {
    return BadRequest("A header line is not 'Name: value'.");
  }
  const std::string_view value = StripBlanks(line.substr(colon + 1));
  if (!std::all_of(value.begin(), value.end(), IsFieldByte)) {
    return BadRequest("A header value has a control character.");
  }
  if (request.headers.size() == kMaxRequestHeaders)
    return HttpError(431, "The request has too many headers.");
  request.headers.emplace_back(line.substr(0, colon), value);
  return absl::OkStatus();
}

// What the headers say about where the message ends. Each is looked at once.
class FramingReader {
 public:
  absl::Status Read(std::string_view name, std::string_view value) {
    if (absl::EqualsIgnoreCase(ToAbsl(name), "Content-Length")) return ReadContentLength(value);
    if (absl::EqualsIgnoreCase(ToAbsl(name), "Transfer-Encoding")) {
      has_transfer_encoding_ = true;
    } else if (absl::EqualsIgnoreCase(ToAbsl(name), "Host")) {
      if (std::exchange(has_host_, true)) return BadRequest("The request has more than one Host.");
    } else if (absl::EqualsIgnoreCase(ToAbsl(name), "Connection")) {
      for (const absl::string_view option : absl::StrSplit(ToAbsl(value), ',')) {
        const absl::string_view trimmed = ToAbsl(StripBlanks(FromAbsl(option)));
        close_ |= absl::EqualsIgnoreCase(trimmed, "close");
        keep_alive_ |= absl::EqualsIgnoreCase(trimmed, "keep-alive");
      }
    } else if (absl::EqualsIgnoreCase(ToAbsl(name), "Expect")) {
      if (!absl::EqualsIgnoreCase(ToAbsl(value), "100-continue")) {
        return HttpError(417, "The only expectation that can be met is 100-continue.");
      }
      framing_.expects_continue = true;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Framing> Finish(bool http_1_0) {
    if (!has_host_ && !http_1_0) return BadRequest("An HTTP/1.1 request must have a Host.");
    if (has_transfer_encoding_ && has_content_length_) {
      return BadRequest("A request has Content-Length or Transfer-Encoding, not both.");
    }
    if (has_transfer_encoding_) {
      return HttpError(411,
                       "Send the body with a Content-Length; Transfer-Encoding is not accepted.");
    }
    framing_.keep_alive = !close_ && (!http_1_0 || keep_alive_);
    framing_.expects_continue = framing_.expects_continue && !http_1_0;
    return framing_;
  }

 private:
  absl::Status ReadContentLength(std::string_view value) {
    if (std::exchange(has_content_length_, true)) {
      return BadRequest("The request has more than one Content-Length.");
    }
    const bool digits = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
      return absl::ascii_isdigit(static_cast<unsigned char>(c));
    });
    if (!digits) return BadRequest("Content-Length is not a number.");
    if (!absl::SimpleAtoi(ToAbsl(value), &framing_.content_length)) {
      return HttpError(413, "Content-Length is larger than any body that is accepted.");
    }
    return absl::OkStatus();
  }

  Framing framing_;
  bool has_content_length_ = false;
  bool has_transfer_encoding_ = false;
  bool has_host_ = false;
  bool close_ = false;
  bool keep_alive_ = false;
};

}  // namespace

bool CanBecomeHead(std::string_view bytes, std::size_t scanned) {
  if (scanned == 0 && !bytes.empty() && bytes != "\r" &&
      !kTokenTable[static_cast<unsigned char>(bytes.front())]) {
    return false;
  }
  for (std::size_t i = scanned; i < bytes.size(); ++i) {
    const bool after_cr = i > 0 && bytes[i - 1] == '\r';
    if (after_cr != (bytes[i] == '\n')) return false;
    if (bytes[i] != '\r' && bytes[i] != '\n' && !IsFieldByte(bytes[i])) return false;
  }
  return true;
}

absl::StatusOr<Framing> ParseHead(Request& request) {
  std::string_view rest = request.head;
  FramingReader framing;
  for (bool first = true;; first = false) {
    const std::size_t end = rest.find("\r\n");
    if (end == std::string_view::npos)
      return BadRequest("The head does not end with an empty line.");
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    if (line.empty()) break;
    if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
      return BadRequest("Lines end with CR LF, both.");
    }
    absl::Status parsed = first ? ParseRequestLine(line, request) : ParseFieldLine(line, request);
    if (parsed.ok() && !first)
      parsed = framing.Read(request.headers.back().first, request.headers.back().second);
    if (!parsed.ok()) return parsed;
  }
  if (request.raw_path.empty()) return BadRequest("The request line is missing.");
  return framing.Finish(request.http_1_0);
}

}  // namespace scaleout::gateway
