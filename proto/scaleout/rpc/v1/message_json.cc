#include "proto/scaleout/rpc/v1/message_json.h"

#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace scaleout::rpc::v1 {

std::string ToJson(const google::protobuf::Message& message) {
  std::string json;
  // It fails only for types that the contracts do not use.
  if (!google::protobuf::util::MessageToJsonString(message, &json).ok()) std::abort();
  return json;
}

absl::Status ParseJson(std::string_view json, google::protobuf::Message& message) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto parsed = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), &message, options);
  if (parsed.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the JSON is that of no ", message.GetDescriptor()->name()));
}

}  // namespace scaleout::rpc::v1
