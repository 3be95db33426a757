-- A claim looks for its steps alone, and finding the blocked reads none of the others: a backlog of one step costs it nothing.
CREATE INDEX ix_tasks_step_due ON tasks (step, due_at, id) WHERE state IN ('ready', 'held');
CREATE INDEX ix_tasks_blocked ON tasks (step, key, id) WHERE state = 'blocked';
DROP INDEX ix_tasks_due;
