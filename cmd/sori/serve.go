package main

import (
	"context"
	"errors"
	"log/slog"

	"sori/engines/models"
	"sori/stage"
)

type localEngines struct{}

func startLocal(context.Context, *console, *engineURLs, []stage.Name, *models.Files, *slog.Logger) (*localEngines, error) {
	return nil, errors.New("local engines are not built into this sori yet")
}
func (*localEngines) addr() string               { return "" }
func (*localEngines) wait(context.Context) error { return nil }
func (*localEngines) stop()                      {}
func localName(stage.Name) string                { return "" }

// serveCmd is `sori serve`.
type serveCmd struct {
	listenAt   `embed:""`
	storage    `embed:""`
	engineURLs `embed:""`
	User       string `placeholder:"ID" setting:"" help:"The user of clients that name none."`
}

// Run is not there yet.
func (*serveCmd) Run() error { return errors.New("the server is not built into this sori yet") }
