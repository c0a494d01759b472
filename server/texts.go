package server

import (
	"sori/protocol"
	"sori/stage"
)

type text struct{ en, ko string }

// texts has the text of every code that sori answers with, in both languages.
// The Korean ones of the step-by-step run are the seed's.
func texts() map[string]text {
	all := map[string]text{
		"internal":               {"Something broke inside sori. The log says what.", "서버 오류: sori 내부에서 문제가 발생했습니다. 로그를 확인하세요."},
		"key_missing":            {"This server asks for a key: send one as 'Authorization: Bearer KEY'.", "이 서버에는 키가 필요합니다. 'Authorization: Bearer KEY'로 보내세요."},
		"key_invalid":            {"The key is not valid.", "키가 올바르지 않습니다."},
		"key_expired":            {"The key has expired. Ask for a new one.", "키가 만료되었습니다. 새 키를 요청하세요."},
		"key_revoked":            {"The key was revoked. Ask for a new one.", "키가 취소되었습니다. 새 키를 요청하세요."},
		"credential_in_url":      {"A key in a URL ends up in logs. Send it as 'Authorization: Bearer KEY', and make a new one: this one has been seen.", "URL에 든 키는 로그에 남습니다. 'Authorization: Bearer KEY'로 보내고, 이 키는 노출되었으니 새로 만드세요."},
		"token_refused":          {"A session token can't make another one: use the key that made it.", "세션 토큰으로 다른 토큰을 만들 수 없습니다. 토큰을 만든 키를 사용하세요."},
		"too_many_tokens":        {"Too many session tokens at once. Try again in a second.", "세션 토큰을 너무 많이 만들고 있습니다. 잠시 후 다시 시도하세요."},
		"no_tokens":              {"This server makes no session tokens.", "이 서버는 세션 토큰을 만들지 않습니다."},
		"user_forbidden":         {"The key belongs to another user.", "이 키는 다른 사용자의 것입니다."},
		"admin_only":             {"That takes a key with the scope admin.", "admin 권한이 있는 키가 필요합니다."},
		"not_local":              {"This server runs without keys, for this machine alone. Its operator can make a key with `sori keys make`, or start it with --insecure-no-auth.", "이 서버는 키 없이 이 컴퓨터에서만 사용할 수 있습니다. 운영자는 `sori keys make`로 키를 만들거나 --insecure-no-auth로 시작할 수 있습니다."},
		"not_found":              {"There is nothing at this address.", "이 주소에는 아무것도 없습니다."},
		"method_not_allowed":     {"This address does not take that method.", "이 주소에서는 해당 메서드를 사용할 수 없습니다."},
		"user_not_found":         {"User not found", "User not found"}, // the seed's, in both
		"turn_not_found":         {"The user has no turn with this id.", "이 사용자에게 해당 ID의 턴이 없습니다."},
		"no_recording":           {"The user has no recording of this name.", "이 사용자에게 해당 이름의 녹음이 없습니다."},
		"store_unavailable":      {"The history can't be reached right now. Try again in a few seconds.", "서버 오류: 지금은 기록 저장소에 연결할 수 없습니다. 잠시 후 다시 시도하세요."},
		"bad_parameter":          {"The parameter \"%s\" must be %s.", "매개변수 \"%s\"의 값이 올바르지 않습니다: %s."},
		"upgrade_required":       {"This address speaks WebSocket only.", "이 주소는 WebSocket 연결만 받습니다."},
		"origin_not_allowed":     {"Pages from this origin may not do that. The server's operator can allow it.", "이 출처의 페이지에는 허용되지 않습니다. 서버 운영자가 허용할 수 있습니다."},
		"too_many_sessions":      {"The server takes no more sessions right now. Try again in a few seconds.", "지금은 더 이상 세션을 받을 수 없습니다. 잠시 후 다시 시도하세요."},
		"engines_busy":           {"The engines have too much to do right now. Try again after the time in Retry-After.", "지금은 엔진이 너무 바쁩니다. Retry-After의 시간이 지난 뒤 다시 시도하세요."},
		"memory_full":            {"The server has no memory left for more right now. Try again after the time in Retry-After.", "지금은 서버의 메모리가 부족합니다. Retry-After의 시간이 지난 뒤 다시 시도하세요."},
		"too_many_connections":   {"There are too many connections from your address. Close some, and try again in a few seconds.", "이 주소에서 온 연결이 너무 많습니다. 일부를 닫고 잠시 후 다시 시도하세요."},
		"out_of_order":           {"The step before this one is missing: call %s first.", "이전 단계가 없습니다. 먼저 %s를 호출하세요."},
		"run_in_progress":        {"Another run of this user is under way. Wait for its end, or give another user_id.", "이 사용자의 다른 실행이 진행 중입니다. 끝날 때까지 기다리거나 다른 user_id를 사용하세요."},
		"turn_cancelled":         {"The run was stopped before its end: the server stops, the key was revoked, or the user is being deleted.", "서버가 종료되는 중이거나, 키가 취소되었거나, 사용자가 삭제되는 중이어서 실행이 중단되었습니다."},
		"not_acceptable":         {"A run is answered as application/json, audio/wav or text/event-stream; Accept names none of them.", "응답 형식은 application/json, audio/wav, text/event-stream 중 하나여야 합니다."},
		"unsupported_media_type": {"Send audio/wav, audio/ogg (Opus), audio/pcm;rate=16000 (16-bit little-endian mono), multipart/form-data with one such file, or application/json.", "지원하지 않는 형식입니다. audio/wav, audio/ogg(Opus), audio/pcm;rate=16000, multipart/form-data 또는 application/json을 보내세요."},
		"body_too_large":         {"The body has more than %d bytes.", "본문이 %d바이트를 넘습니다."},
		"body_cut_off":           {"The body ended before its announced length.", "본문이 예고된 길이보다 먼저 끝났습니다."},
		"upload_too_slow":        {"The body did not come within a minute.", "본문이 1분 안에 도착하지 않았습니다."},
		"bad_multipart":          {"The multipart body can't be read.", "multipart 본문을 읽을 수 없습니다."},
		"bad_form":               {"The form can't be read.", "폼 데이터를 읽을 수 없습니다."},
		"one_file_only":          {"Send one file with audio, not several.", "오디오 파일은 하나만 보내세요."},
		"bad_settings":           {"%s", "설정 값이 올바르지 않습니다: %s"},
		"bad_audio":              {"The audio can't be used: %s", "오디오를 사용할 수 없습니다: %s"},
		"audio_too_long":         {"The audio is longer than %d seconds.", "오디오가 %d초보다 깁니다."},
		"model_not_found":        {"There is no model of this name here. GET /v1/models lists them; sessions and calls take any name.", "이 이름의 모델이 없습니다. GET /v1/models에서 목록을 볼 수 있습니다."},
		"multipart_wanted":       {"Send multipart/form-data with the recording as the field \"file\".", "녹음을 \"file\" 필드에 담아 multipart/form-data로 보내세요."},
		"processed":              {"✅ Done! The TTS audio was saved as '%s'.", "✅ 성공! TTS 오디오를 '%s'로 저장했습니다."},
		"processed_unsaved":      {"✅ Done! The TTS audio was made, but no recording is kept.", "✅ 성공! TTS 오디오를 생성했지만 녹음은 저장하지 않았습니다."},
		"processed_without_tts":  {"⚠️ The data was saved, but TTS failed.", "⚠️ 데이터는 저장했지만 TTS 생성 실패"},
	}
	for code, t := range stageTexts() {
		all["stage."+code] = t
	}
	for code, ko := range problemTexts() {
		all[code] = text{"%s", ko}
	}
	for code, ko := range warningTexts() {
		all[code] = text{"%s", ko}
	}
	return all
}

// stageTexts has the texts of stages that failed; %[1]s is the stage.
func stageTexts() map[string]text {
	return map[string]text{
		stage.CodeUnreachable + ".atot": {"The atot server can't be reached.", "atot 서버에 연결할 수 없습니다"},
		stage.CodeUnreachable + ".ttot": {"The ttot server can't be reached.", "ttot 서버에 연결할 수 없습니다"},
		stage.CodeUnreachable + ".tts":  {"The TTS server can't be reached (see whether port 8004 is served).", "TTS 서버 연결 실패 (port 8004가 실행 중인지 확인)"},
		stage.CodeTimeout:               {"The %[1]s engine did not answer in time.", "%[1]s 서버가 제시간에 응답하지 않았습니다"},
		stage.CodeStatus:                {"The %[1]s engine answered with an error.", "%[1]s 서버가 오류로 응답했습니다"},
		stage.CodeBadReply:              {"The %[1]s engine's answer can't be used.", "%[1]s 서버의 응답을 사용할 수 없습니다"},
		stage.CodeCutOff:                {"The %[1]s engine's answer was cut off.", "%[1]s 서버의 응답이 중간에 끊겼습니다"},
		stage.CodeRejected:              {"The %[1]s engine refused the input.", "%[1]s 서버가 입력을 거부했습니다"},
		stage.CodeBusy:                  {"The %[1]s engine has too much to do.", "%[1]s 서버가 너무 바쁩니다"},
		stage.CodeUnauthorized:          {"The %[1]s engine refuses sori's key.", "%[1]s 서버가 sori의 키를 거부합니다"},
		stage.CodeNotSet:                {"No service is configured for %[1]s.", "%[1]s 서버가 설정되어 있지 않습니다"},
		stage.CodeNoSpeech:              {"No speech was heard.", "음성이 들리지 않았습니다"},
		stage.CodeEmptyReply:            {"The ttot engine gave no text.", "ttot 서버가 빈 응답을 보냈습니다"},
		stage.CodeLanguage:              {"The %[1]s engine does not know this language.", "%[1]s 서버가 이 언어를 지원하지 않습니다"},
		stage.CodeProcessLost:           {"The process that made this turn died. What was said is answered again.", "이 턴을 처리하던 프로세스가 종료되었습니다. 말한 내용은 다시 처리됩니다."},
		stage.CodeInternal:              {"Something broke inside sori at %[1]s.", "서버 오류: %[1]s 단계에서 문제가 발생했습니다"},
		codeOtherUser:                   {"The latest result of the atot service is another user's.", "atot 서버의 최신 결과는 다른 사용자의 것입니다"},
	}
}

// problemTexts has the Korean texts of the protocol's problems; the English ones
// say more and come as they are. %[1]s is the English text.
func problemTexts() map[string]string {
	return map[string]string{
		protocol.ErrBadJSON:       "올바른 JSON 객체가 아닙니다.",
		protocol.ErrBadMessage:    "메시지의 값이 올바르지 않습니다: %[1]s",
		protocol.ErrUnknownType:   "알 수 없는 메시지 유형입니다.",
		protocol.ErrNotConfigured: "먼저 session.configure를 보내세요.",
		protocol.ErrUserSet:       "이 세션의 사용자는 이미 정해졌습니다. 다른 사용자는 새 세션을 여세요.",
		protocol.ErrUserForbidden: "이 연결을 연 키는 다른 사용자의 것입니다.",
		protocol.ErrOddFrame:      "PCM 프레임이 샘플 중간에서 끝나 버려졌습니다.",
		protocol.ErrBadOpus:       "Opus 패킷이 아니어서 버려졌습니다.",
		protocol.ErrFrameTooLarge: "프레임이 너무 커서 버려졌습니다.",
		protocol.ErrNothingSaid:   "마지막 발화 이후의 오디오가 너무 짧습니다.",
		protocol.ErrTextEmpty:     "텍스트가 비어 있습니다.",
		protocol.ErrNoProfile:     "서버에 이 이름의 프로필이 없습니다.",
		protocol.ErrNoDetector:    "이 서버에는 음성 감지기가 없습니다. manual 모드를 사용하세요.",
		protocol.ErrLanguage:      "이 서버의 엔진이 지원하지 않는 언어입니다. 지원하는 언어는 session.ready의 languages에 있습니다.",
		protocol.ErrNoCall:        "기다리고 있지 않은 tool.result입니다.",
		protocol.ErrNoSession:     "이어 갈 세션이 없습니다. session.configure로 새 세션을 시작하세요.",
		protocol.ErrSessionOpen:   "이 연결에는 이미 세션이 있습니다. 새 연결에서 session.resume을 보내세요.",
		protocol.ErrSessionQuota:  "동시에 열 수 있는 세션 수를 모두 사용했습니다. 다른 세션을 끝내거나 나중에 다시 시도하세요.",
		protocol.ErrTurnQuota:     "이번 1분 동안의 턴을 모두 사용했습니다. 잠시 후 다시 말씀하세요.",
		protocol.ErrAudioQuota:    "오늘의 음성 사용량을 모두 사용했습니다. 나중에 다시 시도하세요.",
		protocol.ErrTooManyTurns:  "대기 중인 턴이 너무 많습니다. 턴이 끝난 뒤 다시 보내세요.",
	}
}

// warningTexts has the Korean texts of the protocol's warnings.
func warningTexts() map[string]string {
	return map[string]string{
		protocol.WarnUtteranceLimit: "발화가 최대 길이에 도달하여 종료되었고, 지금까지의 내용에 답합니다.",
		protocol.WarnHistoryDelayed: "기록 저장소를 지금 사용할 수 없습니다. 턴은 디스크에 보관되었다가 나중에 저장됩니다.",
		protocol.WarnHistoryLost:    "기록 저장소와 디스크 모두 사용할 수 없어 턴을 메모리에만 보관합니다.",
		protocol.WarnHistoryUnread:  "이전 대화를 읽을 수 없어 기억 없이 답합니다.",
		protocol.WarnRecording:      "녹음을 저장하지 못했습니다. 턴은 계속됩니다.",
		protocol.WarnDetector:       "음성 감지기가 실패하여 발화를 검사 없이 처리합니다.",
		protocol.WarnReplyLimit:     "응답이 최대 길이에 도달하여 잘렸습니다.",
		protocol.WarnEngineFallback: "첫 번째 엔진이 실패하여 다른 엔진이 처리합니다.",
	}
}
