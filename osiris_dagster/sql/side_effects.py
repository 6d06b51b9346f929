"""Names of SQL functions that do more than compute a value, by dialect; `*` stands for any ending or beginning.

They act on the server, its files or other machines. Functions that are not listed are allowed: a database may have any
number of its own, and the drivers read in a transaction that cannot write.
"""

from __future__ import annotations

_EVERYWHERE = """
    xp_* sp_* fn_xe_* fn_get_audit_file fn_trace_gettable openrowset opendatasource openquery
    sys_eval sys_exec load_extension eval
"""
PACKAGES = "utl_* dbms_*"
"""Whatever is called in one of them acts, in every dialect."""
_MYSQL = """
    sleep benchmark load_file get_lock release_lock release_all_locks last_insert_id nextval setval lastval
    master_pos_wait source_pos_wait master_gtid_wait wait_for_executed_gtid_set wait_until_sql_thread_after_gtids
    sys_* lib_mysqludf_* http_* keyring_* group_replication_* asynchronous_connection_failover_* audit_log_*
    mysql_firewall_* service_get_* service_release_* version_tokens_* set_firewall_mode ps_setup_* ps_truncate_*
    execute_prepared_stmt gen_* mask_* spider_*
"""
_POSTGRES = """
    pg_read_* pg_ls_* pg_stat_file pg_stat_reset* pg_sleep* pg_terminate_backend pg_cancel_backend pg_reload_conf
    pg_rotate_logfile* pg_log_* pg_logfile_* pg_file_* pg_switch_* pg_create_* pg_drop_* pg_copy_*
    pg_promote pg_backup_* pg_start_backup pg_stop_backup pg_wal_replay_* pg_logical_* pg_replication_*
    pg_advisory_* pg_try_advisory_*
    pg_notify pg_import_system_collations pg_prewarm pg_export_snapshot pg_sync_* pg_nextoid pg_extension_config_dump
    pg_restore_* pg_clear_* pg_current_xact_id txid_current set_config setval nextval lo_* lowrite loread
    dblink* query_to_xml* cursor_to_xml* table_to_xml* schema_to_xml* database_to_xml* ts_stat ts_rewrite
    crosstab* connectby xpath_table http http_* net_http_* postgres_fdw_* aws_* file_fdw_* exec execute
    cron_* schedule unschedule currtid* binary_upgrade_* plpy_* gin_clean_pending_list brin_summarize_*
    brin_desummarize_* adminpack_* copy_* lastval
"""
_DUCKDB = """
    read_* sniff_csv glob getenv *_scan *_attach *_execute parquet_* arrow_scan* pandas_scan* python_map*
    query query_table nextval setseed checkpoint force_checkpoint pragma_* json_execute_serialized_sql
    from_substrait* get_substrait* write_log enable_* disable_* set_config current_setting which_secret
    duckdb_* truncate_duckdb_logs *_external_resource* load_* st_read* http_* shell* add_parquet_key
    postgres_* mysql_* sqlite_* iceberg_* delta_* ducklake_*
"""
_SQLITE = """
    load_extension readfile writefile edit fsdir* fts3_tokenizer pragma_* sqlite_* zipfile* sqlar_*
"""

MYSQL = _MYSQL + _EVERYWHERE
POSTGRES = _POSTGRES + _EVERYWHERE
DUCKDB = _DUCKDB + _EVERYWHERE
SQLITE = _SQLITE + _EVERYWHERE
ALL = _MYSQL + _POSTGRES + _DUCKDB + _SQLITE + _EVERYWHERE
"""For a dialect without a list of its own."""
