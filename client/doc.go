// Package client speaks sori's native protocol from the other side: it connects
// to /ws, says what a user says, and hands over what comes back. [Conn] is the
// wire; [Conn.Ask] is one whole turn. Package protocol describes what travels.
package client
