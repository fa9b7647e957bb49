// On whose behalf a call is made, as a field of its request or of a key of its batch: generic over
// the messages, so that a contract that gets the field needs no code here.
//
// A message without the field is public: all read it alike, so what is joined and cached of it
// belongs to none. Pure.
#ifndef SCALEOUT_GATEWAY_BACKENDS_REQUEST_PRINCIPAL_H_
#define SCALEOUT_GATEWAY_BACKENDS_REQUEST_PRINCIPAL_H_

#include "common/principal.h"
#include "gateway/runtime/request_context.h"

namespace scaleout::gateway {

template <typename Message>
concept NamesPrincipal = requires(Message& message) {
  message.mutable_principal();
};

// Replaces whatever the message has; one that is public stays as it is.
template <typename Message>
void SetPrincipal(const Principal& principal, Message& message) {
  if constexpr (NamesPrincipal<Message>) {
    if (principal.role == Role::kNone) {
      message.clear_principal();
    } else {
      ToProto(principal, *message.mutable_principal());
    }
  }
}

// What tells apart the callers of the same read; none if the read is public.
template <typename Request>
Principal PrincipalOf(const RequestContext& context) {
  return NamesPrincipal<Request> ? context.principal : Principal{};
}

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_REQUEST_PRINCIPAL_H_
