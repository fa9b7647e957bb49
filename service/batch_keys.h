// The keys of a batch read, and the entries that answer them.
//
// A request names 1 to rpc::v1::kMaxBatchKeys keys, each a message with an id and, unless the read
// is public, with a principal. A repository is asked for every id once for each owner that its
// principals allow (owned_ids()), however often it occurs; Answer() fills one entry for each key,
// in their order, so that a repeated key has as many equal entries, and a key whose principal does
// not allow it has the error that the RPC for one key answers. The answer is bounded in bytes
// (batch_answer.h). The work is linear in the number of keys. Not thread-safe; lives as long as one
// request.
#ifndef SCALEOUT_SERVICE_BATCH_KEYS_H_
#define SCALEOUT_SERVICE_BATCH_KEYS_H_

#include <google/protobuf/repeated_field.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "service/batch_answer.h"
#include "service/field_checks.h"
#include "service/principal.h"

namespace scaleout {

// What the id of a key is: of a thing that may have an owner, or of the user who owns what is read,
// so that nothing has to be looked up to know whether its principal may.
enum class KeyedBy { kThing, kOwner };

// `Id` is a TypedId.
template <typename Id>
class BatchKeys {
 public:
  // `id` reads the field `id_field` of a key. What is wrong goes to `checks`; the keys are of use
  // only if nothing is.
  template <typename Key>
  BatchKeys(const google::protobuf::RepeatedPtrField<Key>& keys, std::int64_t (Key::*id)() const,
            std::string_view id_field, FieldChecks& checks, KeyedBy keyed_by = KeyedBy::kThing) {
    std::vector<std::int64_t> values;
    values.reserve(static_cast<std::size_t>(keys.size()));
    for (const Key& key : keys) values.push_back((key.*id)());
    const std::size_t violations = checks.size();
    checks.BatchIds(id_field, values);
    if (checks.size() > violations) return;
    slots_.reserve(values.size());
    ids_.reserve(values.size());
    slot_of_key_.reserve(values.size());
    for (const Key& key : keys) {
      const std::int64_t value = (key.*id)();
      const absl::StatusOr<Owner> owner = FindOwner(key, value, keyed_by);
      if (!owner.ok()) {
        slot_of_key_.emplace_back(owner.status());
        continue;
      }
      const auto [slot, is_new] = slots_.try_emplace({value, *owner}, ids_.size());
      if (is_new) {
        ids_.emplace_back(value);
        owned_ids_.push_back({ids_.back(), *owner});
      }
      slot_of_key_.emplace_back(slot->second);
    }
  }

  // What the keys are about, each once, in the order in which they first name it. A slot is an
  // index into it. May be empty.
  const std::vector<OwnedId<Id>>& owned_ids() const { return owned_ids_; }
  // The same without owners. Of keys that are public or name owners each id is there once.
  const std::vector<Id>& ids() const { return ids_; }

  // For every slot the value whose member `id` is the slot's id; null if there is none. The
  // pointers are into `values`. For keys that are public or name owners.
  template <typename Value>
  std::vector<Value*> FindEach(std::vector<Value>& values, Id Value::*id) const {
    std::vector<Value*> found(ids_.size(), nullptr);
    for (Value& value : values) {
      const auto slot = slots_.find({(value.*id).value(), Owner::Anyone()});
      if (slot != slots_.end()) found[slot->second] = &value;
    }
    return found;
  }

  // Adds an entry for every key. `fill` is called once for each slot, in ascending order, with the
  // slot and the entry of its first key; not for keys that were refused.
  template <typename Response, typename Fill>
  void Answer(Response& response, const Fill& fill) const {
    response.mutable_entries()->Reserve(static_cast<int>(slot_of_key_.size()));
    BatchAnswer answer(slot_of_key_.size());
    std::vector<int> filled;
    filled.reserve(ids_.size());
    for (const absl::StatusOr<std::size_t>& slot : slot_of_key_) {
      const int position = response.entries_size();
      auto& entry = *response.add_entries();
      if (!slot.ok()) {
        BatchAnswer::Fail(entry, slot.status());
      } else if (*slot == filled.size()) {
        fill(*slot, entry);
        filled.push_back(position);
      } else {
        entry = response.entries(filled[*slot]);
      }
      if (!entry.has_error()) answer.Bound(entry);
    }
  }

 private:
  // Whose the key's thing has to be; or why its principal may not ask.
  template <typename Key>
  static absl::StatusOr<Owner> FindOwner(const Key& key, std::int64_t id, KeyedBy keyed_by) {
    if constexpr (requires { key.principal(); }) {
      const absl::StatusOr<Principal> principal = RequirePrincipal(key.principal());
      if (!principal.ok()) return principal.status();
      if (keyed_by == KeyedBy::kThing) return Owner::For(*principal);
      const absl::Status allowed = CheckMayActFor(*principal, id);
      if (!allowed.ok()) return allowed;
    }
    return Owner::Anyone();
  }

  absl::flat_hash_map<std::pair<std::int64_t, Owner>, std::size_t> slots_;
  std::vector<Id> ids_;
  std::vector<OwnedId<Id>> owned_ids_;
  std::vector<absl::StatusOr<std::size_t>> slot_of_key_;
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
