-- What `space-sql diff --stat` shows: how many rows differ between two versions, and how.
SELECT diff_type, count(*) AS rows
FROM space_diff($path, $from_version, $to_version)
GROUP BY diff_type
ORDER BY diff_type
