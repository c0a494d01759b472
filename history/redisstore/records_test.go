package redisstore_test

import (
	"testing"

	"sori/history/historytest"
	"sori/history/redisstore"
	"sori/history/redisstore/redistest"
)

func TestRecords(t *testing.T) {
	t.Parallel()
	historytest.Records(t, open(t, redistest.Start(t).URL(), redisstore.Options{}))
}

func TestRecordsOnACluster(t *testing.T) {
	t.Parallel()
	historytest.Records(t, open(t, redistest.StartCluster(t, 3).URL(), redisstore.Options{}))
}

func TestExpire(t *testing.T) {
	t.Parallel()
	historytest.Expire(t, open(t, redistest.Start(t).URL(), redisstore.Options{}))
}
