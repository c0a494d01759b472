package redisconn

import (
	"fmt"
	"net/url"
	"strings"
)

// DefaultPrefix starts every key of sori's where nobody chose another.
const DefaultPrefix = "sori:"

// Keys names keys, so that all that sori keeps of one user is in one hash slot
// of a Cluster, and one script can work on it.
type Keys struct{ prefix string }

// NewKeys gives the names with a prefix; "" is DefaultPrefix.
func NewKeys(prefix string) (Keys, error) {
	if prefix == "" {
		prefix = DefaultPrefix
	}
	if strings.ContainsAny(prefix, "{}") {
		return Keys{}, fmt.Errorf("redisconn: the key prefix %q has braces: they would spoil the hash tags", prefix)
	}
	return Keys{prefix: prefix}, nil
}

// Shared names a key that belongs to no user.
func (k Keys) Shared(name string) string { return k.prefix + name }

// User names a key of a user. Escaping keeps braces out of the hash tag, and
// "u:" keeps the tag from being empty: Redis would ignore it.
func (k Keys) User(userID, name string) string {
	return k.prefix + "{u:" + url.QueryEscape(userID) + "}:" + name
}

// Session names the hash that says who holds a session, with the field "fence".
// Package cluster writes it; the store of history reads it with each turn.
func (k Keys) Session(userID, sessionID string) string {
	return k.User(userID, "s:"+url.QueryEscape(sessionID))
}
