// Points of a service's events at which the lab lets its process die (common/fault_points.h): one
// that publishes has the relay's, one that handles events of others has the consumer's.
#ifndef SCALEOUT_SERVICE_EVENTS_EVENT_FAULTS_H_
#define SCALEOUT_SERVICE_EVENTS_EVENT_FAULTS_H_

#include "common/fault_points.h"

namespace scaleout {

inline constexpr FaultPoint kAfterPublish{
    "after_publish", "relay: events are in their streams, and not marked as published"};
// Of events that change something.
inline constexpr FaultPoint kBeforeEffectCommit{
    "before_effect_commit", "consumer: effects of events are written, and not committed"};
inline constexpr FaultPoint kAfterEffectCommit{
    "after_effect_commit",
    "consumer: effects of events are committed, the events not acknowledged"};

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_EVENTS_EVENT_FAULTS_H_
