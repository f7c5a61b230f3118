"""Forms of one Chinese character that names are written with: 髙 and 高, 邉 and 辺, 張 and 张.

Registries and keyboards each have their own: a child entered as 髙橋 is looked for as 高橋. Only forms of
characters that names use are here, not characters that merely sound alike (晓 and 小) or that are names of
their own (里 and 裏).
"""

# Each group is one character; the first form stands for all.
_GROUPS = """
高髙 崎﨑嵜碕 辺邊邉边 沢澤泽 浜濱濵滨 桜櫻樱 国國囯 島嶋嶌岛 真眞 円圓圆 滝瀧
薮藪 槙槇 篭籠 桑桒 吉𠮷 熙煕凞 富冨 曽曾 増增 徳德 恵惠 戸戶户 横橫 歩步 毎每
渉涉 瀬瀨濑 禅禪 穂穗 緑綠绿 薫薰 蔵藏 豊豐 頼賴赖 関關关 黒黑 斎齋斉齊斋齐 仏佛
伝傳 亀龜龟 児兒儿 倶俱 勲勳 呉吳吴 寛寬宽 尭堯尧 巌巖 弥彌 応應应 桧檜 栄榮荣
様樣样 権權权 涙淚 渕淵渊 礼禮 稲稻 竜龍龙 絵繪绘 聡聰聪 芦蘆 萌萠 衛衞卫 覚覺觉
譲讓让 遥遙 郷鄉鄕乡 銭錢钱 鉄鐵铁 陽阳 館舘馆 鶴鹤 鴎鷗鸥 広廣广 万萬 条條
暁曉晓 実實实 経經经 観觀观 済濟济 満滿满 厳嚴严 顔顏颜 縁緣缘 静靜 宝寶 霊靈灵
献獻 鋭銳锐 齢齡龄 気氣 顕顯显 穏穩 瑶瑤 浄淨净 桟棧 張张 陳陈 劉刘 黄黃 楊杨
趙赵 孫孙 馬马 羅罗 鄭郑 謝谢 韓韩 馮冯 鄧邓 許许 蕭萧 呂吕 蘇苏 盧卢 蔣蒋
賈贾 葉叶 閻阎 鍾鐘钟 譚谭 陸陆 鄒邹 賀贺 龔龚 湯汤 喬乔 蘭兰 莊庄荘 聶聂 龐庞
歐欧 偉伟 華华 強强彊 軍军 麗丽 艷艳 傑杰 濤涛 紅红 飛飞 鵬鹏 鳳凤 會会 貴贵
興兴 慶庆 潔洁 穎颖 瓊琼 瑩莹 夢梦 詩诗 語语 軒轩 東东 雲云 義义 學学 愷恺
維维 綱纲 紀纪 紹绍 綺绮 勝胜 銘铭 鋒锋 鈞钧 錦锦 門门 聞闻 順顺 項项 頌颂
風风 駿骏 鴻鸿 僑侨 儷俪 凱凯 剛刚 創创 勁劲 勵励 協协 園园 聖圣 堅坚 聲声
嬌娇 嬋婵 寧宁 憲宪 賓宾 壽寿 將将 爾尔 歲岁 嵐岚 嶺岭 師师 帶带帯 歸归 懷怀
戀恋 願愿 戰战 護护 擁拥 無无 時时 晉晋 暉晖 極极 楓枫 樹树 橋桥 樺桦 樓楼
來来 畢毕 漢汉 滄沧 溫温 灣湾 瀅滢 瀟潇 燦灿 煒炜 燁烨 煥焕 愛爱 瑪玛 環环
璽玺 瓏珑 璉琏 暢畅 禕祎 禎祯 純纯 緯纬 結结 繼继 緒绪 緋绯 綿绵 肅肃 節节
蒼苍 蘋苹 蓮莲 鶯莺 蘿萝 藍蓝 薔蔷 規规 記记 誠诚 諾诺 誼谊 謙谦 貝贝 貞贞
賢贤 贏赢 車车 輝辉 達达 連连 遠远 遜逊 釗钊 欽钦 鈺钰 鈴铃 銀银 鎮镇 長长
閆闫 閔闵 韋韦 韜韬 韻韵 顧顾 饒饶 馳驰 驍骁 駱骆 驕骄 騫骞 魚鱼 魯鲁 鮑鲍
鳴鸣 鵑鹃 單单 費费 閏闰 彥彦 雋隽 嫻娴 媧娲 嬪嫔 嫵妩 麥麦 藝艺 見见 賽赛
進进 選选 邁迈 鄔邬 鄺邝 酈郦
"""
ONE_FORM = {form: group[0] for group in _GROUPS.split() for form in group[1:]}
