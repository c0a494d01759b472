package child

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// socket listens for the child, whose lives share it. The parent never accepts.
type socket struct {
	network, address string
	host             string // for URLs
	listener         net.Listener
	file             *os.File
	folder           string // "" for TCP
}

// listen opens the socket.
func listen(ctx context.Context, network string) (_ *socket, err error) {
	s := &socket{network: network, host: "local-engines"}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	switch network {
	case "unix":
		if s.folder, err = os.MkdirTemp("", "sori-"); err != nil { // only this user may enter it
			return nil, fmt.Errorf("child: make a folder for the socket (is there room in %s?): %w", os.TempDir(), err)
		}
		s.address = filepath.Join(s.folder, "engines")
		if len(s.address) > 100 { // the system's limit is 104 or 108
			return nil, fmt.Errorf("child: the path %s is too long for a socket: set TMPDIR to a shorter one", s.address)
		}
	case "tcp":
		s.address = "127.0.0.1:0"
	default:
		return nil, fmt.Errorf("child: the network is %q, and must be unix or tcp", network)
	}
	if s.listener, err = (&net.ListenConfig{}).Listen(ctx, network, s.address); err != nil {
		return nil, fmt.Errorf("child: listen for the engines at %s: %w", s.address, err)
	}
	filer, ok := s.listener.(interface{ File() (*os.File, error) })
	if !ok {
		return nil, fmt.Errorf("child: the socket %s has no file to hand down", s.address)
	}
	if s.file, err = filer.File(); err != nil {
		return nil, fmt.Errorf("child: take the file of socket %s: %w", s.address, err)
	}
	if network == "tcp" {
		s.address = s.listener.Addr().String()
		s.host = s.address
	}
	return s, nil
}

func (s *socket) close() error {
	var err error
	if s.file != nil {
		err = s.file.Close()
	}
	if s.listener != nil {
		err = errors.Join(err, s.listener.Close())
	}
	if s.folder != "" {
		err = errors.Join(err, os.RemoveAll(s.folder))
	}
	return err
}
