//! dmctl, OpenAPI, and errors without a number.

catalogue! {
    CTL_GRPC_CREATE_CONN = 48001, "CtlGRPCCreateConn", Dmctl, Internal, High, Transient, "Check --master-addr and that a master is running there.";
    CTL_INVALID_TLS_CFG = 48002, "CtlInvalidTLSCfg", Dmctl, Internal, Medium, Definite, "Check --ssl-ca, --ssl-cert and --ssl-key.";
    CTL_LOAD_TLS_CFG = 48003, "CtlLoadTLSCfg", Dmctl, Internal, High, Definite, "Check --ssl-ca, --ssl-cert and --ssl-key.";
    OPENAPI_COMMON_ERROR = 49001, "OpenAPICommonError", Openapi, Internal, High, Definite, "";
    OPENAPI_TASK_SOURCE_NOT_FOUND = 49002, "OpenAPITaskSourceNotFound", Openapi, Internal, High, Definite, "";
    NOT_SET = 50000, "NotSet", NotSet, NotSet, High, Definite, "";
}
