#include "services/user/user_rpc.h"

#include "common/str_cat.h"
#include "scaleout/user/v1/user.grpc.pb.h"
#include "service/service_calls.h"
#include "services/user/user_service.h"

namespace scaleout::user {
namespace {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

class UserRpc final : public v1::UserService::CallbackService {
 public:
  UserRpc(UserService& service, ServiceCalls& calls)
      : service_(service),
        calls_(calls),
        create_user_(AddMethod("CreateUser")),
        get_user_(AddMethod("GetUser")),
        batch_get_users_(AddMethod("BatchGetUsers")),
        list_users_(AddMethod("ListUsers")),
        update_user_(AddMethod("UpdateUser")),
        delete_user_(AddMethod("DeleteUser")) {}

  Reactor* CreateUser(Context* context, const v1::CreateUserRequest* request,
                      v1::CreateUserResponse* response) override {
    return calls_.Start(create_user_, context, [=, this](const CallContext& call) {
      return service_.CreateUser(call, *request, *response);
    });
  }
  Reactor* GetUser(Context* context, const v1::GetUserRequest* request,
                   v1::GetUserResponse* response) override {
    return calls_.Start(get_user_, context, [=, this](const CallContext& call) {
      return service_.GetUser(call, *request, *response);
    });
  }
  Reactor* BatchGetUsers(Context* context, const v1::BatchGetUsersRequest* request,
                         v1::BatchGetUsersResponse* response) override {
    return calls_.Start(batch_get_users_, context, [=, this](const CallContext& call) {
      return service_.BatchGetUsers(call, *request, *response);
    });
  }
  Reactor* ListUsers(Context* context, const v1::ListUsersRequest* request,
                     v1::ListUsersResponse* response) override {
    return calls_.Start(list_users_, context, [=, this](const CallContext& call) {
      return service_.ListUsers(call, *request, *response);
    });
  }
  Reactor* UpdateUser(Context* context, const v1::UpdateUserRequest* request,
                      v1::UpdateUserResponse* response) override {
    return calls_.Start(update_user_, context, [=, this](const CallContext& call) {
      return service_.UpdateUser(call, *request, *response);
    });
  }
  Reactor* DeleteUser(Context* context, const v1::DeleteUserRequest* request,
                      v1::DeleteUserResponse* response) override {
    return calls_.Start(delete_user_, context, [=, this](const CallContext& call) {
      return service_.DeleteUser(call, *request, *response);
    });
  }

 private:
  ServiceCalls::Method& AddMethod(std::string_view name) {
    return calls_.AddMethod(StrCat(kUserServiceName, "/", name));
  }

  UserService& service_;
  ServiceCalls& calls_;
  ServiceCalls::Method& create_user_;
  ServiceCalls::Method& get_user_;
  ServiceCalls::Method& batch_get_users_;
  ServiceCalls::Method& list_users_;
  ServiceCalls::Method& update_user_;
  ServiceCalls::Method& delete_user_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeUserRpc(UserService& service, ServiceCalls& calls) {
  return std::make_unique<UserRpc>(service, calls);
}

}  // namespace scaleout::user
