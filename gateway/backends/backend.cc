#include "gateway/backends/backend.h"

#include <utility>

#include "gateway/backends/backend_channel.h"

namespace scaleout::gateway {

Backend::Backend(std::string_view name_in, const std::string& target, const GuardParts& parts,
                 std::shared_ptr<CompletionThreads> threads)
    : name(name_in),
      channel(std::make_unique<BackendChannel>(target, std::move(threads))),
      guard(name, parts),
      health(MakeBackendHealth(*channel)) {}

Backend::Backend(std::string_view name_in, const GuardParts& parts,
                 std::unique_ptr<BackendHealth> health_in)
    : name(name_in), guard(name, parts), health(std::move(health_in)) {}

Backend::~Backend() = default;

}  // namespace scaleout::gateway
