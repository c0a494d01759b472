// Package auth says who a caller is, and whose data it may touch: API keys,
// session tokens that are made with them, and the JSON Web Tokens of an identity
// provider all become a [Principal].
//
// It knows no HTTP routes and no database. The server asks it through a port of
// its own, and what has to last is kept by whoever satisfies [Store].
package auth
