CREATE DATABASE /*!32312 IF NOT EXISTS*/ `osiris_old_main` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci */;
USE `osiris_old_main`;
CREATE TABLE `followed` (
  `id` bigint(20) DEFAULT NULL,
  `seen` datetime(6) DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `followed` VALUES (1,'2026-01-01 01:00:00.000000');
INSERT INTO `followed` VALUES (2,'2026-01-01 02:00:00.000000');
INSERT INTO `followed` VALUES (3,'2026-01-01 03:00:00.000000');
CREATE TABLE `loaded` (
  `id` int(11) DEFAULT NULL,
  `customer` longtext DEFAULT NULL,
  `amount` decimal(4,2) DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `loaded` VALUES (1,'ann',10.50);
INSERT INTO `loaded` VALUES (2,'bob',4.00);
INSERT INTO `loaded` VALUES (3,'ann',1.25);
CREATE DATABASE /*!32312 IF NOT EXISTS*/ `_osiris` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci */;
USE `_osiris`;
CREATE TABLE `loads` (
  `load_key` char(64) NOT NULL,
  `root_run_id` text DEFAULT NULL,
  `pipeline` text DEFAULT NULL,
  `step` text DEFAULT NULL,
  `target` text DEFAULT NULL,
  `run_id` varchar(255) NOT NULL,
  `row_count` bigint(20) NOT NULL,
  `committed_at` datetime(6) NOT NULL,
  PRIMARY KEY (`load_key`),
  KEY `committed_at` (`committed_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `loads` VALUES ('14ddbc891e228ec811634c745114491cb155759133b3028151b98fcedb6b8080','116caa35-f74b-4a41-81c5-fd50dc38064e','followed-mysql','load','osiris_old_main.followed','116caa35-f74b-4a41-81c5-fd50dc38064e',3,'2026-11-30 22:01:33.451086');
INSERT INTO `loads` VALUES ('a4398509e26d1606240170f0792471508b554c21e2a786644f9e3f209b3c6da0','08fcb92f-5eab-48bd-8dc0-04502c442863','loaded-mysql','load','osiris_old_main.loaded','08fcb92f-5eab-48bd-8dc0-04502c442863',3,'2026-11-30 22:02:04.790019');
CREATE TABLE `positions` (
  `position_key` char(64) NOT NULL,
  `pipeline` text DEFAULT NULL,
  `step` text DEFAULT NULL,
  `target` text DEFAULT NULL,
  `cursor` text NOT NULL,
  `type` varchar(255) NOT NULL,
  `value` longtext NOT NULL,
  `run_id` text NOT NULL,
  `committed_at` datetime(6) NOT NULL,
  PRIMARY KEY (`position_key`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `positions` VALUES ('4b6c3a117dc638b40d342f1b9478c33b1e6c7ceb39cef30ffada75de704d5084','followed-mysql','new','osiris_old_main.followed','id','int64','3','116caa35-f74b-4a41-81c5-fd50dc38064e','2026-11-30 22:01:33.460815');
