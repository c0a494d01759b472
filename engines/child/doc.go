// Package child runs the local engines in a process of their own and keeps it
// running: the same program, started again with other arguments.
//
// The parent owns the listening socket and hands it down as file descriptor 3,
// so the address outlives a crash and requests wait in the socket's backlog
// until the next process takes them. A process that ends is started again, after
// a pause that grows from 0.1 to 5 s. It runs with less priority than the
// server, and ends with it: it sees the end of its standard input, and on Linux
// the kernel kills it.
//
// On the child's side, [Listener] takes the socket and [WithParent] gives a
// context that ends with the parent.
package child
