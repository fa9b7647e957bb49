#include "service/lab_delay.h"

#include <google/protobuf/descriptor.h>
#include <grpcpp/alarm.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

namespace scaleout {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr std::string_view kIdSuffix = "_id";
constexpr const char* kKeysField = "keys";

// Whether a field of the message itself is an id that `divisor` divides. Ids begin at 1: 0 is a
// filter that is not set.
bool NamesSlowId(const Message& message, std::int64_t divisor) {
  const Descriptor& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.is_repeated() || field.cpp_type() != FieldDescriptor::CPPTYPE_INT64 ||
        !std::string_view(field.name()).ends_with(kIdSuffix)) {
      continue;
    }
    const std::int64_t id = message.GetReflection()->GetInt64(message, &field);
    if (id > 0 && id % divisor == 0) return true;
  }
  return false;
}

bool NamesSlowKey(const Message& request, std::int64_t divisor) {
  if (NamesSlowId(request, divisor)) return true;
  const FieldDescriptor* keys = request.GetDescriptor()->FindFieldByName(kKeysField);
  if (keys == nullptr || !keys->is_repeated() ||
      keys->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
    return false;
  }
  const Reflection& reflection = *request.GetReflection();
  for (int i = 0; i < reflection.FieldSize(request, keys); ++i) {
    if (NamesSlowId(reflection.GetRepeatedMessage(request, keys, i), divisor)) return true;
  }
  return false;
}

}  // namespace

std::chrono::milliseconds LabDelay::OfHeld(const Message& request) const {
  if (options_.slow_keys > 0 && NamesSlowKey(request, options_.slow_keys)) {
    return std::max(options_.rpc, options_.slow_key);
  }
  return options_.rpc;
}

LabDelay::~LabDelay() {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return running_ == 0; });
}

void LabDelay::After(std::chrono::milliseconds delay, std::function<void()> then) {
  {
    const std::lock_guard lock(mutex_);
    ++running_;
  }
  // The callback owns the alarm: gRPC keeps what is behind it until the callback has returned.
  auto* alarm = new grpc::Alarm;
  alarm->Set(clock_.WallNow() + delay, [this, alarm, then = std::move(then)](bool) {
    const std::unique_ptr<grpc::Alarm> owned(alarm);
    then();
    // Under the lock: the destructor may be waiting for this very callback.
    const std::lock_guard lock(mutex_);
    --running_;
    ended_.notify_all();
  });
}

}  // namespace scaleout
