// What the user service publishes about its users: user.changed when one is created, changed or
// deleted, for the gateways, which cache users.
//
// No event has personal data. Pure functions. The demo data is loaded without events.
#ifndef SCALEOUT_SERVICES_USER_USER_EVENTS_H_
#define SCALEOUT_SERVICES_USER_USER_EVENTS_H_

#include <vector>

#include "service/events/outbox.h"
#include "services/user/user_repository.h"

namespace scaleout::user {

std::vector<PublishedStream> PublishedStreams();

OutgoingEvent UserChanged(UserId id);

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_USER_EVENTS_H_
