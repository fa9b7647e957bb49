// Reads a JSON request body strictly, and lists everything that is wrong with it at once.
//
//   JsonBody body(request);
//   ask.set_user_id(body.root().Id("userId"));
//   ask.set_name(body.root().String("name", &user::v1::FindNameViolation));
//   if (absl::Status status = body.Check(); !status.ok()) ...
//
// What a field may hold is a rule of its contract (proto/scaleout/*/v1/*_limits.h), which the
// service checks again. A getter that finds no valid value notes a violation and returns an empty
// value. What is no JSON object at all is one error without fields (400); a wrong media type is
// 415. Fields that were not asked for, and names that appear twice, are violations too. Pointers
// are RFC 6901. Thread-compatible.
#ifndef SCALEOUT_GATEWAY_JSON_JSON_READER_H_
#define SCALEOUT_GATEWAY_JSON_JSON_READER_H_

#include <rapidjson/fwd.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/status.h"
#include "gateway/http/message.h"
#include "proto/scaleout/rpc/v1/request_limits.h"

namespace scaleout::gateway {

// Of arrays and objects in each other.
inline constexpr int kMaxJsonDepth = 16;

// The RFC 6901 pointer to the member `name` of the object at `parent`.
std::string JsonPointer(std::string_view name, std::string_view parent = "");

// The text of the first member `name` of a document that some other program wrote; nothing if there
// is none, or if the document would be refused as a body.
std::optional<std::string> FindJsonText(std::string_view json, std::string_view name);

// What a contract says of a text.
using TextRule = rpc::v1::Violation (*)(std::string_view text);

// One JSON object. Each getter takes a member's name; a literal.
class JsonFields {
 public:
  JsonFields(const rapidjson::Value& object, std::string pointer,
             std::vector<FieldViolation>& violations);

  // Required: an id, as every contract has them.
  std::int64_t Id(std::string_view name);
  // As Id, but may be absent; null is not absent.
  std::optional<std::int64_t> OptionalId(std::string_view name);
  // Required: a number that is written as an integer, from `min` to `max`.
  std::int64_t Integer(std::string_view name, std::int64_t min, std::int64_t max);
  // As Integer, but may be absent; null is not absent.
  std::optional<std::int64_t> OptionalInteger(std::string_view name, std::int64_t min,
                                              std::int64_t max);
  // Required: text that the rule has nothing against.
  std::string String(std::string_view name, TextRule rule);
  // As String, but may be absent; null is not absent.
  std::optional<std::string> OptionalString(std::string_view name, TextRule rule);
  // Required: an array of `min` to `max` objects. Calls `read` with each, at most `max` times.
  void Objects(std::string_view name, std::size_t min, std::size_t max,
               const std::function<void(JsonFields&)>& read);

  // Notes what a getter cannot see, such as a value that another object has already.
  void Refuse(std::string_view name, std::string_view detail);
  // Notes every member that no getter has asked for.
  void RefuseOthers();

 private:
  const rapidjson::Value* Find(std::string_view name);
  const rapidjson::Value* FindRequired(std::string_view name);
  std::int64_t ReadInteger(std::string_view name, const rapidjson::Value& value, std::int64_t min,
                           std::int64_t max);
  std::string ReadString(std::string_view name, const rapidjson::Value& value, TextRule rule);

  const rapidjson::Value& object_;
  const std::string pointer_;
  std::vector<FieldViolation>& violations_;
  std::vector<std::string_view> known_;
};

class JsonBody {
 public:
  // `request` outlives the body.
  explicit JsonBody(const Request& request);
  JsonBody(const JsonBody&) = delete;
  JsonBody& operator=(const JsonBody&) = delete;
  ~JsonBody();

  // An empty object if there is none.
  JsonFields& root() { return *root_; }

  // After everything was asked for: OK, or what is wrong. `elsewhere` is what is wrong outside of
  // the body; it comes first, and alone if the body cannot be read.
  absl::Status Check(std::vector<FieldViolation> elsewhere = {});

 private:
  absl::Status unreadable_;
  std::vector<FieldViolation> violations_;
  std::unique_ptr<rapidjson::Document> document_;
  std::optional<JsonFields> root_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_JSON_JSON_READER_H_
