//! Placement of sources on workers.

catalogue! {
    SCHEDULER_NOT_STARTED = 46001, "SchedulerNotStarted", Scheduler, Internal, High, Transient, "Wait until a leader is elected, then try again.";
    SCHEDULER_STARTED = 46002, "SchedulerStarted", Scheduler, Internal, Medium, Definite, "";
    SCHEDULER_WORKER_EXIST = 46003, "SchedulerWorkerExist", Scheduler, Internal, Medium, Definite, "Give the worker another name, or remove the old one with `offline-member --worker`.";
    SCHEDULER_WORKER_NOT_EXIST = 46004, "SchedulerWorkerNotExist", Scheduler, Internal, Medium, Definite, "See `list-member --worker`.";
    SCHEDULER_WORKER_ONLINE = 46005, "SchedulerWorkerOnline", Scheduler, Internal, Medium, Definite, "Stop the worker first.";
    SCHEDULER_WORKER_INVALID_TRANS = 46006, "SchedulerWorkerInvalidTrans", Scheduler, Internal, Medium, Definite, "";
    SCHEDULER_SOURCE_CFG_EXIST = 46007, "SchedulerSourceCfgExist", Scheduler, Internal, Medium, Definite, "Use `operate-source update`, or another source-id.";
    SCHEDULER_SOURCE_CFG_NOT_EXIST = 46008, "SchedulerSourceCfgNotExist", Scheduler, Internal, Medium, Definite, "Create the source first: `dmctl operate-source create FILE`.";
    SCHEDULER_SOURCES_UNBOUND = 46009, "SchedulerSourcesUnbound", DmMaster, Internal, Medium, Transient, "Start more workers, or wait until one is free; see `list-member`.";
    SCHEDULER_SOURCE_OP_TASK_EXIST = 46010, "SchedulerSourceOpTaskExist", DmMaster, Internal, Medium, Definite, "Stop its tasks first: `dmctl stop-task -s SOURCE`.";
    SCHEDULER_RELAY_STAGE_INVALID_UPDATE = 46011, "SchedulerRelayStageInvalidUpdate", Scheduler, Internal, Medium, Definite, "";
    SCHEDULER_RELAY_STAGE_SOURCE_NOT_EXIST = 46012, "SchedulerRelayStageSourceNotExist", Scheduler, Internal, Medium, Definite, "";
    SCHEDULER_MULTI_TASK = 46013, "SchedulerMultiTask", Scheduler, Internal, Medium, Definite, "";
    SCHEDULER_SUB_TASK_EXIST = 46014, "SchedulerSubTaskExist", Scheduler, Internal, Medium, Definite, "Stop the task first, or use another name.";
    SCHEDULER_SUB_TASK_STAGE_INVALID_UPDATE = 46015, "SchedulerSubTaskStageInvalidUpdate", DmMaster, Internal, Medium, Definite, "";
    SCHEDULER_SUB_TASK_OP_TASK_NOT_EXIST = 46016, "SchedulerSubTaskOpTaskNotExist", DmMaster, Internal, Medium, Definite, "";
    SCHEDULER_SUB_TASK_OP_SOURCE_NOT_EXIST = 46017, "SchedulerSubTaskOpSourceNotExist", DmMaster, Internal, Medium, Definite, "";
    SCHEDULER_TASK_NOT_EXIST = 46018, "SchedulerTaskNotExist", Scheduler, Internal, Medium, Definite, "See `query-status` for the tasks that exist.";
    SCHEDULER_REQUIRE_RUNNING_TASK_IN_SYNC_UNIT = 46019, "SchedulerRequireRunningTaskInSyncUnit", Scheduler, Internal, High, Definite, "Pause the tasks of this source first.";
    SCHEDULER_RELAY_WORKERS_BUSY = 46020, "SchedulerRelayWorkersBusy", Scheduler, Internal, High, Definite, "";
    SCHEDULER_RELAY_WORKERS_WRONG_BOUND = 46021, "SchedulerRelayWorkersWrongBound", Scheduler, Internal, High, Definite, "";
    SCHEDULER_RELAY_WORKERS_WRONG_RELAY = 46022, "SchedulerRelayWorkersWrongRelay", Scheduler, Internal, High, Definite, "";
    SCHEDULER_SOURCE_OP_RELAY_EXIST = 46023, "SchedulerSourceOpRelayExist", Scheduler, Internal, High, Definite, "";
    SCHEDULER_LATCH_IN_USE = 46024, "SchedulerLatchInUse", Scheduler, Internal, Low, Transient, "Try again in a moment.";
    SCHEDULER_SOURCE_CFG_UPDATE = 46025, "SchedulerSourceCfgUpdate", Scheduler, Internal, Low, Definite, "Stop the tasks and the relay of the source first.";
    SCHEDULER_WRONG_WORKER_INPUT = 46026, "SchedulerWrongWorkerInput", Scheduler, Internal, Medium, Definite, "";
    SCHEDULER_BOUND_DIFF_WITH_STARTED_RELAY = 46027, "SchedulerBoundDiffWithStartedRelay", Scheduler, Internal, Medium, Definite, "";
    SCHEDULER_START_RELAY_ON_SPECIFIED = 46028, "SchedulerStartRelayOnSpecified", Scheduler, Internal, Low, Definite, "";
    SCHEDULER_STOP_RELAY_ON_SPECIFIED = 46029, "SchedulerStopRelayOnSpecified", Scheduler, Internal, Low, Definite, "";
    SCHEDULER_START_RELAY_ON_BOUND = 46030, "SchedulerStartRelayOnBound", Scheduler, Internal, Low, Definite, "";
    SCHEDULER_STOP_RELAY_ON_BOUND = 46031, "SchedulerStopRelayOnBound", Scheduler, Internal, Low, Definite, "";
    SCHEDULER_PAUSE_TASK_FOR_TRANSFER_SOURCE = 46032, "SchedulerPauseTaskForTransferSource", Scheduler, Internal, Low, Transient, "";
    SCHEDULER_WORKER_NOT_FREE = 46033, "SchedulerWorkerNotFree", Scheduler, Internal, Low, Definite, "";
    SCHEDULER_SUB_TASK_NOT_EXIST = 46034, "SchedulerSubTaskNotExist", Scheduler, Internal, Medium, Definite, "See `query-status` for the tasks that exist.";
    SCHEDULER_SUB_TASK_CFG_UPDATE = 46035, "SchedulerSubTaskCfgUpdate", Scheduler, Internal, Low, Definite, "";
}
