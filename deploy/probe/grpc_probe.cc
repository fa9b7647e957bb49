#include "deploy/probe/grpc_probe.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <cstdint>
#include <future>
#include <vector>

#include "common/str_cat.h"

namespace scaleout {
namespace {

constexpr const char* kCheck = "/grpc.health.v1.Health/Check";
// Field 1, length-delimited: the service's name.
constexpr char kServiceTag = 0x0a;
// Field 1, a varint: the status, of which 1 is SERVING.
constexpr std::uint8_t kStatusTag = 0x08;
constexpr std::uint8_t kServing = 1;
constexpr std::size_t kMaxServiceName = 127;  // its length is one byte on the wire

grpc::ByteBuffer ToRequest(const std::string& service) {
  std::string bytes;
  if (!service.empty()) {
    bytes += kServiceTag;
    bytes += static_cast<char>(service.size());
    bytes += service;
  }
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

bool SaysServing(const grpc::ByteBuffer& response) {
  std::vector<grpc::Slice> slices;
  if (!response.Dump(&slices).ok()) return false;
  std::vector<std::uint8_t> bytes;
  for (const grpc::Slice& slice : slices) bytes.insert(bytes.end(), slice.begin(), slice.end());
  return bytes.size() == 2 && bytes[0] == kStatusTag && bytes[1] == kServing;
}

}  // namespace

absl::Status ProbeGrpc(const std::string& target, const std::string& service,
                       std::chrono::milliseconds timeout) {
  if (service.size() > kMaxServiceName) return absl::InvalidArgumentError("service name too long");
  grpc::GenericStub stub(grpc::CreateChannel(target, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  // A server that is just starting is worth waiting for, as long as the timeout allows.
  context.set_wait_for_ready(true);
  const grpc::ByteBuffer request = ToRequest(service);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, kCheck, grpc::StubOptions(), &request, &response,
                 [&done](grpc::Status status) { done.set_value(std::move(status)); });
  const grpc::Status status = done.get_future().get();
  if (!status.ok()) {
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                        StrCat(target, " ", service, ": ", status.error_message()));
  }
  if (SaysServing(response)) return absl::OkStatus();
  return absl::UnavailableError(StrCat(target, " ", service, ": NOT_SERVING"));
}

}  // namespace scaleout
