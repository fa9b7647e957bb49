// The keys of a batch read, and the entries that answer them.
//
// A request names 1 to rpc::v1::kMaxBatchKeys keys, each a message with an id. A repository is
// asked for every id once (ids()), however often it occurs; Answer() fills one entry for each key,
// in their order, so that a repeated key has as many equal entries. The answer is bounded in bytes
// (batch_answer.h). The work is linear in the number of keys. Not thread-safe; lives as long as one
// request.
#ifndef SCALEOUT_SERVICE_BATCH_KEYS_H_
#define SCALEOUT_SERVICE_BATCH_KEYS_H_

#include <google/protobuf/repeated_field.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "service/batch_answer.h"
#include "service/field_checks.h"

namespace scaleout {

// `Id` is a TypedId.
template <typename Id>
class BatchKeys {
 public:
  // `id` reads the field `id_field` of a key. What is wrong goes to `checks`; the keys are of use
  // only if nothing is.
  template <typename Key>
  BatchKeys(const google::protobuf::RepeatedPtrField<Key>& keys, std::int64_t (Key::*id)() const,
            std::string_view id_field, FieldChecks& checks) {
    std::vector<std::int64_t> values;
    values.reserve(static_cast<std::size_t>(keys.size()));
    for (const Key& key : keys) values.push_back((key.*id)());
    const std::size_t violations = checks.size();
    checks.BatchIds(id_field, values);
    if (checks.size() > violations) return;
    slots_.reserve(values.size());
    ids_.reserve(values.size());
    slot_of_key_.reserve(values.size());
    for (const std::int64_t value : values) {
      const auto [slot, is_new] = slots_.try_emplace(value, ids_.size());
      if (is_new) ids_.emplace_back(value);
      slot_of_key_.push_back(slot->second);
    }
  }

  // Each id once, in the order in which the keys first name it. A slot is an index into it.
  const std::vector<Id>& ids() const { return ids_; }

  // For every slot the value whose member `id` is the slot's id; null if there is none. The
  // pointers are into `values`.
  template <typename Value>
  std::vector<Value*> FindEach(std::vector<Value>& values, Id Value::*id) const {
    std::vector<Value*> found(ids_.size(), nullptr);
    for (Value& value : values) {
      const auto slot = slots_.find((value.*id).value());
      if (slot != slots_.end()) found[slot->second] = &value;
    }
    return found;
  }

  // Adds an entry for every key. `fill` is called once for each slot, in ascending order, with the
  // slot and the entry of its first key.
  template <typename Response, typename Fill>
  void Answer(Response& response, const Fill& fill) const {
    response.mutable_entries()->Reserve(static_cast<int>(slot_of_key_.size()));
    BatchAnswer answer(slot_of_key_.size());
    std::vector<int> filled;
    filled.reserve(ids_.size());
    for (const std::size_t slot : slot_of_key_) {
      const int position = response.entries_size();
      auto& entry = *response.add_entries();
      if (slot == filled.size()) {
        fill(slot, entry);
        filled.push_back(position);
      } else {
        entry = response.entries(filled[slot]);
      }
      if (!entry.has_error()) answer.Bound(entry);
    }
  }

 private:
  absl::flat_hash_map<std::int64_t, std::size_t> slots_;
  std::vector<Id> ids_;
  std::vector<std::size_t> slot_of_key_;
};

// Takes the values from the front of `rest` whose member `key` is `wanted`. For the rows of a list
// that come key by key, in the order of ids().
template <typename Value, typename Id>
std::span<const Value> TakeGroup(std::span<const Value>& rest, Id Value::*key, Id wanted) {
  std::size_t size = 0;
  while (size < rest.size() && rest[size].*key == wanted) ++size;
  const std::span<const Value> group = rest.first(size);
  rest = rest.subspan(size);
  return group;
}

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_BATCH_KEYS_H_
