CREATE SCHEMA _osiris;
CREATE TABLE _osiris.loads (
    root_run_id text NOT NULL,
    pipeline text NOT NULL,
    step text NOT NULL,
    target text NOT NULL,
    plan text NOT NULL,
    run_id text NOT NULL,
    rows bigint NOT NULL,
    committed_at timestamp with time zone NOT NULL
);
CREATE TABLE _osiris.positions (
    pipeline text NOT NULL,
    step text NOT NULL,
    target text NOT NULL,
    cursor text NOT NULL,
    type text NOT NULL,
    value text NOT NULL,
    run_id text NOT NULL,
    committed_at timestamp with time zone NOT NULL
);
CREATE TABLE public.followed (
    id bigint,
    seen timestamp without time zone
);
CREATE TABLE public.loaded (
    id integer,
    customer text,
    amount numeric(4,2)
);
INSERT INTO _osiris.loads VALUES ('63159af3-18ba-4afa-927d-731e0c09783f', 'followed-postgres', 'load', 'public.followed', '746dbfee3f7f1bb42897f0e009b0dd0084404a8ab6bb4c016066e3ceab68caf3', '63159af3-18ba-4afa-927d-731e0c09783f', 3, '2026-11-30 22:01:22.224568+00');
INSERT INTO _osiris.loads VALUES ('c72d4fc9-229e-4dd0-8646-efed1ab38cb5', 'loaded-postgres', 'load', 'public.loaded', 'b4e730b5d0d8e0c6b241b7e289f27444123dda73203ad7cecb02d9f5c0ffad12', 'c72d4fc9-229e-4dd0-8646-efed1ab38cb5', 3, '2026-11-30 22:01:53.840042+00');
INSERT INTO _osiris.positions VALUES ('followed-postgres', 'new', 'public.followed', 'id', 'int64', '3', '63159af3-18ba-4afa-927d-731e0c09783f', '2026-11-30 22:01:22.224568+00');
INSERT INTO public.followed VALUES (1, '2026-01-01 01:00:00');
INSERT INTO public.followed VALUES (2, '2026-01-01 02:00:00');
INSERT INTO public.followed VALUES (3, '2026-01-01 03:00:00');
INSERT INTO public.loaded VALUES (1, 'ann', 10.50);
INSERT INTO public.loaded VALUES (2, 'bob', 4.00);
INSERT INTO public.loaded VALUES (3, 'ann', 1.25);
ALTER TABLE ONLY _osiris.loads
    ADD CONSTRAINT loads_pkey PRIMARY KEY (root_run_id, pipeline, step, target, plan);
ALTER TABLE ONLY _osiris.positions
    ADD CONSTRAINT positions_pkey PRIMARY KEY (pipeline, step, target);
