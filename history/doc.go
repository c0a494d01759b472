// Package history holds what sori remembers: the record of a turn, the user it
// belongs to, and the errors of a store. Stores live below it: sqlitestore (the
// embedded default) and redisstore. Both pass the one conformance suite in
// historytest.
//
// The types are a leaf, so that every package can speak of a turn.
package history
