// Package e2e tests sori as its users meet it: whole processes of bin/sori, real
// engines, real stores, real speech. It sees sori from outside, through its
// commands and its protocol.
//
// The tests have the build tag e2e: `make test` builds what they need first.
package e2e
