#include "gateway/json/json_reader.h"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "common/str_cat.h"
#include "common/utf8.h"
#include "gateway/http/problem.h"

namespace scaleout::gateway {
namespace {

// Iterative, because a recursive parser's stack is the sender's to exhaust. The encoding is checked
// before.
constexpr unsigned kParseFlags = rapidjson::kParseIterativeFlag;

std::string_view Trim(std::string_view text) {
  while (!text.empty() && absl::ascii_isspace(static_cast<unsigned char>(text.front()))) {
    text.remove_prefix(1);
  }
  while (!text.empty() && absl::ascii_isspace(static_cast<unsigned char>(text.back()))) {
    text.remove_suffix(1);
  }
  return text;
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return absl::EqualsIgnoreCase(ToAbsl(a), ToAbsl(b));
}

// "application/json", alone or with charset=utf-8: RFC 8259 knows no other.
bool IsJson(std::string_view content_type) {
  const std::size_t semicolon = content_type.find(';');
  if (!EqualsIgnoreCase(Trim(content_type.substr(0, semicolon)), "application/json")) {
    return false;
  }
  if (semicolon == std::string_view::npos) return true;
  const std::string_view parameter = Trim(content_type.substr(semicolon + 1));
  return EqualsIgnoreCase(parameter, "charset=utf-8") ||
         EqualsIgnoreCase(parameter, "charset=\"utf-8\"");
}

// A lower bound for brackets that do not match; the parser refuses those anyway.
bool IsTooDeep(std::string_view json) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxJsonDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

// Where a low surrogate stands without a high one before it; npos if none does. RapidJSON refuses
// the other broken pairs, but makes three bytes that are not UTF-8 of this one. `json` has been
// parsed, so each backslash begins an escape and each \u has four digits.
std::size_t FindLoneLowSurrogate(std::string_view json) {
  constexpr std::size_t kEscapeSize = 6;
  std::size_t at = json.find('\\');
  while (at != std::string_view::npos) {
    std::size_t size = 2;
    if (json[at + 1] == 'u') {
      size = kEscapeSize;
      std::uint32_t unit = 0;
      std::from_chars(json.data() + at + 2, json.data() + at + kEscapeSize, unit, 16);
      if (unit >= 0xDC00 && unit <= 0xDFFF) return at;
      if (unit >= 0xD800 && unit <= 0xDBFF) size += kEscapeSize;
    }
    at = json.find('\\', at + size);
  }
  return std::string_view::npos;
}

absl::Status NotJson(std::size_t at, std::string_view why) {
  return absl::InvalidArgumentError(StrCat("The body is not JSON, at byte ", at, ": ", why));
}

absl::Status ParseObject(std::string_view json, rapidjson::Document& document) {
  if (json.empty())
    return absl::InvalidArgumentError("The body is empty; a JSON object is needed.");
  // To RapidJSON a NUL is the end of its input.
  if (json.find('\0') != std::string_view::npos) {
    return absl::InvalidArgumentError("The body is not JSON: it contains a NUL byte.");
  }
  if (!IsUtf8(json)) return absl::InvalidArgumentError("The body is not JSON: it is not UTF-8.");
  if (IsTooDeep(json)) {
    return absl::InvalidArgumentError(
        StrCat("The body is nested more than ", kMaxJsonDepth, " levels deep."));
  }
  document.Parse<kParseFlags>(json.data(), json.size());
  if (document.HasParseError()) {
    return NotJson(document.GetErrorOffset(),
                   rapidjson::GetParseError_En(document.GetParseError()));
  }
  if (const std::size_t at = FindLoneLowSurrogate(json); at != std::string_view::npos) {
    return NotJson(at, "A low surrogate has no high surrogate before it.");
  }
  if (!document.IsObject()) return absl::InvalidArgumentError("The body must be a JSON object.");
  return absl::OkStatus();
}

absl::Status Parse(const Request& request, rapidjson::Document& document) {
  const std::optional<std::string_view> content_type = request.FindHeader("content-type");
  if (!content_type || !IsJson(*content_type)) {
    return HttpError(415, "The body's Content-Type must be application/json.");
  }
  return ParseObject(request.body, document);
}

std::string_view NameOf(const rapidjson::Value::Member& member) {
  return {member.name.GetString(), member.name.GetStringLength()};
}

}  // namespace

std::optional<std::string> FindJsonText(std::string_view json, std::string_view name) {
  rapidjson::Document document;
  if (!ParseObject(json, document).ok()) return std::nullopt;
  for (const rapidjson::Value::Member& member : document.GetObject()) {
    if (NameOf(member) != name || !member.value.IsString()) continue;
    return std::string(member.value.GetString(), member.value.GetStringLength());
  }
  return std::nullopt;
}

std::string JsonPointer(std::string_view name, std::string_view parent) {
  std::string pointer(parent);
  pointer += '/';
  for (const char c : name) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
  return pointer;
}

JsonFields::JsonFields(const rapidjson::Value& object, std::string pointer,
                       std::vector<FieldViolation>& violations)
    : object_(object), pointer_(std::move(pointer)), violations_(violations) {}

std::int64_t JsonFields::Id(std::string_view name) { return Integer(name, 1, rpc::v1::kMaxId); }

std::optional<std::int64_t> JsonFields::OptionalId(std::string_view name) {
  return OptionalInteger(name, 1, rpc::v1::kMaxId);
}

std::int64_t JsonFields::Integer(std::string_view name, std::int64_t min, std::int64_t max) {
  const rapidjson::Value* value = FindRequired(name);
  return value == nullptr ? 0 : ReadInteger(name, *value, min, max);
}

std::optional<std::int64_t> JsonFields::OptionalInteger(std::string_view name, std::int64_t min,
                                                        std::int64_t max) {
  const rapidjson::Value* value = Find(name);
  if (value == nullptr) return std::nullopt;
  return ReadInteger(name, *value, min, max);
}

std::int64_t JsonFields::ReadInteger(std::string_view name, const rapidjson::Value& value,
                                     std::int64_t min, std::int64_t max) {
  std::optional<std::int64_t> integer;
  if (value.IsInt64()) integer = value.GetInt64();
  if (const rpc::v1::Violation violation = rpc::v1::FindIntegerViolation(integer, min, max)) {
    Refuse(name, *violation);
    return 0;
  }
  return *integer;
}

std::string JsonFields::String(std::string_view name, TextRule rule) {
  const rapidjson::Value* value = FindRequired(name);
  return value == nullptr ? std::string() : ReadString(name, *value, rule);
}

std::optional<std::string> JsonFields::OptionalString(std::string_view name, TextRule rule) {
  const rapidjson::Value* value = Find(name);
  if (value == nullptr) return std::nullopt;
  return ReadString(name, *value, rule);
}

void JsonFields::Objects(std::string_view name, std::size_t min, std::size_t max,
                         const std::function<void(JsonFields&)>& read) {
  const rapidjson::Value* value = FindRequired(name);
  if (value == nullptr) return;
  if (!value->IsArray() || value->Size() < min || value->Size() > max) {
    Refuse(name, StrCat("must be an array of ", min, " to ", max, " objects"));
    if (!value->IsArray()) return;
  }
  // Of an array that is too long the first are read, so that their mistakes are in the same answer.
  const std::string array_pointer = JsonPointer(name, pointer_);
  for (rapidjson::SizeType i = 0; i < std::min<std::size_t>(value->Size(), max); ++i) {
    std::string pointer = StrCat(array_pointer, "/", i);
    if (!(*value)[i].IsObject()) {
      violations_.emplace_back(std::move(pointer), "must be an object");
      continue;
    }
    JsonFields element((*value)[i], std::move(pointer), violations_);
    read(element);
    element.RefuseOthers();
  }
}

void JsonFields::RefuseOthers() {
  for (const rapidjson::Value::Member& member : object_.GetObject()) {
    const std::string_view name = NameOf(member);
    if (std::find(known_.begin(), known_.end(), name) == known_.end()) {
      Refuse(name, "is not a field of this request");
    }
  }
}

const rapidjson::Value* JsonFields::Find(std::string_view name) {
  known_.push_back(name);
  const rapidjson::Value* found = nullptr;
  for (const rapidjson::Value::Member& member : object_.GetObject()) {
    if (NameOf(member) != name) continue;
    if (found != nullptr) {
      Refuse(name, "must not appear more than once");
      return found;
    }
    found = &member.value;
  }
  return found;
}

const rapidjson::Value* JsonFields::FindRequired(std::string_view name) {
  const rapidjson::Value* found = Find(name);
  if (found == nullptr) Refuse(name, "is required");
  return found;
}

std::string JsonFields::ReadString(std::string_view name, const rapidjson::Value& value,
                                   TextRule rule) {
  if (!value.IsString()) {
    Refuse(name, "must be a string");
    return {};
  }
  const std::string_view text(value.GetString(), value.GetStringLength());
  if (const rpc::v1::Violation violation = rule(text)) {
    Refuse(name, *violation);
    return {};
  }
  return std::string(text);
}

void JsonFields::Refuse(std::string_view name, std::string_view detail) {
  violations_.emplace_back(JsonPointer(name, pointer_), std::string(detail));
}

JsonBody::JsonBody(const Request& request) : document_(std::make_unique<rapidjson::Document>()) {
  unreadable_ = Parse(request, *document_);
  if (!unreadable_.ok()) document_->SetObject();
  root_.emplace(*document_, "", violations_);
}

JsonBody::~JsonBody() = default;

absl::Status JsonBody::Check(std::vector<FieldViolation> elsewhere) {
  if (!unreadable_.ok()) return elsewhere.empty() ? unreadable_ : CheckFields(elsewhere);
  root_->RefuseOthers();
  elsewhere.insert(elsewhere.end(), violations_.begin(), violations_.end());
  return CheckFields(std::move(elsewhere));
}

}  // namespace scaleout::gateway
