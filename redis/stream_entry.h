// One entry of a stream: its id, and fields with their texts, in the order in which they were
// written. Plain values.
#ifndef SCALEOUT_REDIS_STREAM_ENTRY_H_
#define SCALEOUT_REDIS_STREAM_ENTRY_H_

#include <string>
#include <utility>
#include <vector>

namespace scaleout {

using StreamFields = std::vector<std::pair<std::string, std::string>>;

struct StreamEntry {
  std::string stream;  // the key
  std::string id;      // "17-0"
  StreamFields fields;
};

}  // namespace scaleout

#endif  // SCALEOUT_REDIS_STREAM_ENTRY_H_
