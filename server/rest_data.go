package server

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"sori/history"
	"sori/history/export"
)

// exportTime is how long the writing of an export may take.
const exportTime = 10 * time.Minute

// endingTime is how long the sessions of a user who is deleted may take to end.
const endingTime = 15 * time.Second

// deleteUser forgets a user: first the sessions, which would go on writing, then
// what is kept elsewhere, and the history last, so that a deletion that broke can
// be asked for again.
func (s *Server) deleteUser(g *gin.Context) {
	ctx, id := g.Request.Context(), g.Param("id")
	ending, cancel := context.WithTimeout(ctx, endingTime)
	defer cancel()
	ended, err := s.EndUser(ending, id, time.Now())
	if err == nil && s.cfg.Erase != nil {
		err = s.cfg.Erase(ctx, id)
	}
	if err != nil {
		s.fail(g, err)
		return
	}
	s.book.forget(id)
	err = s.cfg.Store.DeleteUser(ctx, id)
	if err != nil && (ended == 0 || !errors.Is(err, history.ErrNoUser)) {
		s.fail(g, err)
		return
	}
	s.log.InfoContext(ctx, "user deleted", "audit", true, "actor", principal(g).Owner(), "key", principal(g).KeyID, "sessions", ended)
	g.Status(http.StatusNoContent)
}

// export gives all that is kept of a user as one file.
func (s *Server) export(g *gin.Context) {
	format := g.DefaultQuery("format", "json")
	media := map[string]string{"json": "application/json", "vtt": "text/vtt; charset=utf-8", "zip": "application/zip"}[format]
	if media == "" {
		s.problem(g, http.StatusBadRequest, "bad_parameter", "format", "json, vtt, zip")
		return
	}
	ctx, id := g.Request.Context(), g.Param("id")
	if !s.knows(g, id) {
		return
	}
	turns, err := s.cfg.Store.Recent(ctx, id, allTurns)
	if err != nil {
		s.fail(g, err)
		return
	}
	u := export.User{ID: id, Exported: time.Now().UTC(), Turns: turns}
	h := g.Writer.Header()
	h.Set("Content-Type", media)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": "sori-" + id + "." + format}))
	allowWriting(g, exportTime)
	switch format {
	case "json":
		err = export.JSON(g.Writer, u)
	case "vtt":
		err = export.VTT(g.Writer, turns)
	case "zip":
		err = export.ZIP(ctx, g.Writer, u, s.openRecording())
	}
	if err != nil {
		s.log.ErrorContext(ctx, "export broke", "error", err)
		panic(http.ErrAbortHandler) // a cut connection says that it is not whole
	}
}

func (s *Server) openRecording() export.Open {
	if s.cfg.Recordings == nil {
		return nil
	}
	return func(ctx context.Context, userID, name string) (io.ReadCloser, error) {
		f, err := s.cfg.Recordings.Open(ctx, userID, name)
		if err != nil {
			return nil, err // not f: a nil file in an interface is none
		}
		return f, nil
	}
}
