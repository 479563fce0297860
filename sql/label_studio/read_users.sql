-- Addresses of annotators, where the export tells only their ids.
UPDATE ls_new_annotations SET annotator_email = u.email FROM ls_users AS u WHERE u.id = annotator AND annotator_email IS NULL;

INSERT INTO ls_users SELECT DISTINCT ON (annotator) annotator, annotator_email FROM ls_new_annotations
WHERE annotator_email IS NOT NULL AND annotator NOT IN (SELECT id FROM ls_users);
