"""How likely a text is in common scripts: enough to tell a name from the same bytes decoded wrongly.

The numbers are natural logarithms of rough probabilities of a letter given its script. They need not be exact: a name
decoded with the wrong table scores several units worse for each letter.
"""

from __future__ import annotations

from functools import cache

EAST_ASIAN = ("kana", "han", "hangul")
IMPOSSIBLE = -30.0
ODD, RARE, SIGN = -14.0, -9.0, -6.0  # letters in no name, letters in few names, punctuation beyond ASCII
KANA, HANGUL = -4.0, -6.3
HALF_KANA, VOICE_MARK = -4.0, -1.5
COMMON_HAN, BASIC_HAN, OTHER_HAN = -5.0, -7.2, -11.5
_MISPLACED = -5.0  # a capital inside a word, a letter of another script
_BESIDE_LATIN = -2.5  # for each ASCII letter next to an East Asian one
_HARD_TO_SAY = -0.8  # for two vowels, or two consonants, in a row

_CYRILLIC = dict(zip("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё", range(33), strict=True))
_GREEK = "αοιετσνηυρπκμλωςγδχθφβξζψάέήίόύώϊϋΐΰ"
_WESTERN = {-3.0: "é", -3.4: "èüöäáíóñ", -4.2: "çàêãâôßúå", -5.2: "ëîïõùûòìøæ", -6.2: "œ", -7.0: "ýÿðþšž"}
_CENTRAL = {-4.2: "ąćęłńóśźżáčéěířšúůýž", -5.2: "ďňťőűäöüăâîşţôđ"}
_WHOLE = ("cyrillic", "greek", "hebrew", "arabic", "thai")
_WITH_VOWELS = ("cyrillic", "greek")
_VOWELS = "оеаиуяыюэёіїєαοιεηυωάέήίόύώϊϋΐΰ"
_TURKISH = {-4.2: "ıışğçöü", -6.0: "İ"}
_SIGNS = "’‘“”„–—…«»°©®™·•¿¡№×½ªº　、。「」『』・！？：（）～〜＃＆－０１２３４５６７８９ｰー々"
_APOSTROPHES = "’‘·"
_HAN_SIMPLE = (
    "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么"
    "心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知样现分"
    "将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位因"
    "重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市眼体别处总才场师书"
    "比住员九笑性通目华报立马命张活难神数件安表原车白应路期叫死常提感金何更反合放做系计或司利受光王果亲界及今"
    "京务制解各任至清物台象记边共风战干接它许八特觉望直服毛林题建南度统色字请交爱让认算论百吃义科怎元社术结六"
    "功指思非流每青管夫连远资队跟带花快条院变联言权往展该领传近留红治决周保达办运武半候七必城父强步完革深区即"
    "曲歌音乐琴钢鼓笛箫筝吉他贝斯弦奏唱舞旋律伴主和弦低高声部管弦铜木号萨克斯提琴键盘打击合成器左右手独奏民谣"
    "月亮雪雨梦夜星春秋冬夏爱情歌曲版简谱作词编曲中国红楼梦梁祝茉莉花故乡童年朋友再见"
)
_HAN_FULL = (
    "的一是不了人我在有他這中大來上國個到說們為子和你地出道也時年得就那要下以生會自著去之過家學對可她裡後小麼"
    "心多天而能好都然沒日於起還發成事只作當想看文無開手十用主行方又如前所本見經頭面公同三已老從動兩長知樣現分"
    "將外但身些與高意進把法此實回二理美點月明其種聲全工己話兒者向情部正名定女問力機給等幾很業最間新什打便位因"
    "重被走電四第門相次東政海口使教西再平真聽世氣信北少關並內加化由卻代軍產入先山五太水萬市眼體別處總才場師書"
    "曲歌音樂琴鋼鼓笛簫箏吉他貝斯弦奏唱舞旋律伴低高管銅木號薩克提鍵盤打擊合成器左右獨民謠夢夜星春秋冬夏愛情版"
)
_HAN_JAPANESE = (
    "日一国会人年大十二本中長出三同時政事自行社見月分議後前民生連五発間対上部東者党地合市業内相方四定今回新場"
    "金員九入選立開手米力学問高代明実円関決子動京全目表戦経通外最言氏現理調体化田当八六約主題下首意法不来作性"
    "曲名音楽歌琴弦鼓笛奏唱旋律主伴低管木金器左右手独作詞編山川桜花空海夢夜星春夏秋冬愛恋君僕私心風雪雨光道旅"
    "第番交響協奏楽章譜練習子犬猫鳥虹涙想声世界物語伝説戦闘勇者魔王城町森"
)
_HANGUL = (
    "이다는을의에가고로하지한도어은사기를나리시들인아대자서일정수해그부전제스보라주음장여성상원동안구미소오마"
    "과게조공유비신우만화선중내연방무경관면진위바모니생국발적학당거호명세치용드터트계물실양노합러저차레피멜악곡"
    "랑사별밤꽃봄여름가을겨울눈비너나우리하늘바다노래기타베이스드럼피아노현첼로플루트바이올린보컬코러스반주"
)


@cache
def common_han() -> frozenset[str]:
    return frozenset(_HAN_SIMPLE + _HAN_FULL + _HAN_JAPANESE)


@cache
def common_hangul() -> frozenset[str]:
    return frozenset(_HANGUL)


@cache
def _alphabets() -> dict[str, dict[str, float]]:
    """Script → lower-case letter → its log-likelihood."""
    cyrillic = {letter: -2.2 - place * 0.09 for letter, place in _CYRILLIC.items()}
    cyrillic |= dict.fromkeys("іїєґў", -5.0) | dict.fromkeys("љњћђџјѓќѕ", -8.0)
    return {
        "cyrillic": cyrillic,
        "greek": {letter: -2.4 - place * 0.06 for place, letter in enumerate(_GREEK)},
        "hebrew": _evenly("אבגדהוזחטיךכלםמןנסעףפץצקרשת", -3.3),
        "arabic": _evenly("ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي", -3.5) | _evenly("ًٌٍَُِّْ", -6.0),
        "thai": _evenly("".join(map(chr, range(0x0E01, 0x0E4F))), -3.9),
        "western": {letter: weight for weight, letters in _WESTERN.items() for letter in letters},
        "central": {letter: weight for weight, letters in _CENTRAL.items() for letter in letters},
        "turkish": {letter: weight for weight, letters in _TURKISH.items() for letter in letters},
    }


def _evenly(letters: str, weight: float) -> dict[str, float]:
    return dict.fromkeys(letters, weight)


def likelihood(text: str, script: str) -> float:
    """The sum over all letters beyond ASCII, read as `script`: han, kana, hangul or one of the alphabets."""
    total, before = 0.0, " "
    for letter, after in zip(text, (text + " ")[1:], strict=True):
        if letter >= "\x80":
            total += _of_letter(letter, before, after, script)
        before = letter
    if script in _WHOLE and 2 * sum(letter >= "\x80" for letter in text) < sum(map(_is_latin, text)):
        total += _MISPLACED  # a word or two from another language do not make a name in this one
    return total


def _is_latin(letter: str) -> bool:
    return letter < "\x80" and letter.isalpha()


def _of_letter(letter: str, before: str, after: str, script: str) -> float:
    num_latin = _is_latin(before) + _is_latin(after)
    is_east_asian = script in EAST_ASIAN
    if letter in _SIGNS:
        if is_east_asian:
            return -3.0 + num_latin * _BESIDE_LATIN
        return SIGN if letter in _APOSTROPHES or not (before.isalpha() and after.isalpha()) else ODD
    if not letter.isprintable() or "\ue000" <= letter <= "\uf8ff":
        return IMPOSSIBLE
    if is_east_asian:
        return _of_east_asian(letter, before, script) + num_latin * _BESIDE_LATIN
    return _of_alphabet(letter, before, after, script)


def _of_alphabet(letter: str, before: str, after: str, script: str) -> float:
    """The score for an alphabet with all its own letters, or for one that extends ASCII."""
    lower = letter.lower()
    weight = _alphabets()[script].get(lower)
    if weight is None:
        return RARE if letter.isalpha() or not (before.isalpha() or after.isalpha()) else ODD
    if letter != lower:
        weight += -0.8 if not before.isalpha() else -0.2 if before.isupper() else _MISPLACED
    elif before.isupper() and after.isupper():
        weight += _MISPLACED
    num_latin = _is_latin(before) + _is_latin(after)
    if script not in _WHOLE:
        return weight if num_latin else weight - 2.0  # an accented letter usually stands among plain ones
    if num_latin:
        weight += _MISPLACED
    if script not in _WITH_VOWELS:
        return weight
    if before >= "\x80" and before.isalpha() and (before.lower() in _VOWELS) == (lower in _VOWELS):
        weight += _HARD_TO_SAY
    return weight


def _of_east_asian(letter: str, before: str, script: str) -> float:
    if "\u3040" <= letter <= "\u30ff":
        return KANA if script == "kana" else KANA - 3.0
    if "\uff61" <= letter <= "\uff9f":
        return _of_half_kana(letter, before)
    if "\uac00" <= letter <= "\ud7a3":
        return COMMON_HAN if letter in common_hangul() else HANGUL - 1.2
    if "\u4e00" <= letter <= "\u9fff":
        return _of_han(letter, script)
    if "\uff01" <= letter <= "\uff5e" or "\u3000" <= letter <= "\u303f":
        return -4.5
    return RARE if letter.isalpha() else -10.0


def _of_half_kana(letter: str, before: str) -> float:
    if letter in "ﾞﾟ":
        return VOICE_MARK if "ｶ" <= before <= "ﾎ" or before == "ｳ" else RARE
    return HALF_KANA


def _of_han(letter: str, script: str) -> float:
    if letter in common_han():
        return COMMON_HAN if script != "hangul" else OTHER_HAN
    if script == "hangul":
        return ODD
    if script == "kana":
        return BASIC_HAN if letter.encode("cp932", "replace")[0] < 0x98 else OTHER_HAN
    code = letter.encode("gb2312", "replace")
    if len(code) == 2 and code[0] < 0xD8:
        return BASIC_HAN
    code = letter.encode("big5", "replace")
    return BASIC_HAN - 0.4 if len(code) == 2 and code[0] < 0xC7 else OTHER_HAN if len(code) == 2 else ODD
