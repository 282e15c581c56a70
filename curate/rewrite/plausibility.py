"""How likely a character is in clean text: the yardstick between a text and a decoding of it.

A cost is a rough negative log-probability in nats. The sum over a stretch of text is its
description length; a decoding is right when it describes the same bytes in far fewer nats. Only
differences of many nats ever decide anything, so the classes are coarse on purpose.
"""

from __future__ import annotations

import importlib.metadata
import unicodedata
from functools import cache

import numpy as np
from numpy.typing import NDArray

from curate.tables import stored

COMMON = (
    "的是一了不在人有我和个这国为以中大会们来到他年可上时要文能学用你好就于对生现地也"
    "行多子发家成出都说下么过作法后还分方而之自其没代得很理性动定经小与所主度面如实种"
    "道事工公点进本最力里同那并全体开关天些机高因者数去化合将及看重业但前间新然等提心"
    "使日部送着外加问当吃物意应样制特果古比政长系相通太无表想民美更题什次产从量起利被"
    "女员明电信给此正建常内计第或月程平情别西结哈两非它解区世斯三入期统位东基展水知保"
    "只安据真目务做名式感王变市品件十议少资尔已回由任该设快组啊话立论受教活持场影管包"
    "权海己亚军类她联研南手接确打气二需科界原元何认治决战强金义向让社视术共究单色处餐"
    "口北把黑至觉各球取息总服交马味直再算司德身选领达质项技约见型标拉错反供改几书完且"
    "报求车导运又济放您才流候像儿格吗价语路老男吧助克难创带模造网指白示洲先效头调器收"
    "今布具增传构形近城病始支条告际规哪响每源言例门观商四山必则怎速台菜请复测风续根肉"
    "试图注准差爱称命率线级值字记死许境存万评周较越环光容空证域验考队备府态料乐夫列案"
    "功育集户士呢查干土史走超未整步客识思食医专边望团广五括推转参维况神喜百失施饭清师"
    "易片慢欢预游消罗写装族致历素低投离够号即星足米找张份首费阿显友听演习象华获极州配"
    "满便欧引孩随油早策故除划英护院花精优争热织段巴声采农析深尼节半举林律委答击河亲适"
    "排买跟控希赛汉帝音照钱办党住杀细般谢官远势武角减朝限红害断协普切帮述令核晚往继置"
    "连轻香局印营卡兰版店黄状仅京须终执群阳省压温简站纪江责居防石兴属层兵秦密房罪句降"
    "判险景眼疗微智众承止序积益另校尽皮哥围严纳监订伊企火检职卖脑却择著换乎养玩歧叫词"
    "款范卫察留剧某索暂落念派互软独初似康修拿刚富负略福底恶犯升六编善楚攻破千移讨健依"
    "奇均诉突充讲久革股青笑临齐双输苏药财室母宝朋孙否绝妇毒戏块波君钟蛋谁占征豆血免艺"
    "曰仍托含闻宣待虽父牛融探按伤假侯概班啦曾岁威读穿激释饼谈材鸡吸担挺睡愿危货板酒败"
    "码短础杂鱼异九估奥困封贵甚盟港章庭画裁苦皇韩暴射塞训八银凉良审岛旅冲汤村误守木志"
    "稳享介县亿臣络拥铁背博飞虑退染促辣赞脸缺诺警购补园赵付龙附额录销冷怕田沙紧喝宗歌"
    "抗遇坐坚七卷鲜坏架李秘酸俄粉努停盖诸票归午湾扩季措劳席巨伯楼奖媒描痛恐追植符练婚"
    "杯乱甲茶丝急伦症针端陆操洋混挑耳典亡课套播库呀吉靠阶鲁批灵衣陈弟固患键胜毛云央幸"
    "载礼聚倒梦草牌跑散刘右蒙左培塔刻肯频夜斗损萨余币敢妈树雷怪疑顿障趣肥掉啥圣曲童座"
    "私脱牙丽夏弱姐涉顾航哦束藏骑胞纸透届森潜申寻乌松棒烈坦伴呼签绿督馆售永竟献逐洛筑"
    "拟偏遗埃借竞避冰绍税奶救储剂魏邦佳拍祖朗尤饮狗春怀街侵惠液渐灭恩励丁副篇衡顺镇惊"
    "污雨湖硬静访露刑汽麻勒熟弹递爆疾嘛叶宁既贫尝瓦辛贸脚亮禁伙毕宫盘胡迫泛骨乡酱登吴"
    "矿迎奴孔替援仪丰启授若野洗零遭尊翻鼓川氏阻船嗯拜延晋距虚顶艾废抱莫弃贝乃曼疫遍唐"
    "堂床亦刺忘尚欲询烧骗燕末粥锅轮厅休逃予姆署累庆泡宜诊腐烟缩氧裔旧谓折厂震隐宋脉殖"
    "懂径哲沉闭唯摄糖综辑呵盒违妹姓盛汇召蓝阴冒挥触页唱浪厚瑞谱荣诗函夺雪莱麦倍骂袋招"
    "醒笔幅颜肤岩债暗允甜迷纯菌幕伐趋宪撒佛搞荐繁跳梁饰偷乘兹炎赶舞峰赫丹彩摩默炸咸诚"
    "穷缓驱谋秀圈恢贴盐贡龄椒谷堡聊凯籍裂租冠返抵圆掌汗镜详捕链途猫桥偶缘券碍乳炒咖忙"
    "敌冬屋枪嘴塑译隔爵净辆纽胁池雄烤巧瘦抽贷梅刷邮迁仿雅碳燃妻跨映粒郑叔滑瓜袭弗循迪"
    "惯残澳虫膜忍宇廷腿恋戴暖宾湿羊庄饿滋侧昨践墙卢框漫绩玉煤彻抓勇仁猪弄淡讯陷皆祝阵"
    "奉秋洞叙胖垃宽旁匈搜迹圾灾肠肌杰嘉敏彼浓粮驾添缔厌糕漏催尺灯阅轨泽赖碎绪摆徒忽恒"
    "拒洁钢啡煎涂喷沟悲胶泰郡振驻傅舍岸乏截舒剩奋遵敬辅睛毫潮伏杜凡怒哭黎奏娘罚蒂俱殊"
    "握忆荷档毁衰乔怖帅沿迅洒敦尾串欺贤扬兄玛薄沃烦鸟呈娜疼厉搭墨津肿糊鼠脏迟浙忠井址"
    "鉴拌疆箱翰苗爸赏伟漂渡辞旦卒隆扰俗貌悉醉旨抢逼劲菲脆坛豪昆扎赢廉壳伍哎卜仔扣浮凝"
    "焦甘账御削汁踪抑杨腊润幻歉穆宙奸旋呗旗狂孝稍仰陵横胸乙匹割颗耐霍筹矣覆扫拔婆番鬼"
    "夹珠咨挂誉尿寿桑忧窗咋屏灰倾偿纵壁壤泥杆尖凭纷逻滴涨骤吹遂嘻磨械粗耶溶魔磁犹昌饱"
    "桌孤吾辩邻谨刀煮披瓶恨脂绕寒葡腻伸堆插婴赋癌览兼昭宠夷碰吕役撤坑姑辱紫淮捷郁朱孟"
    "萄碗怜帕丘苹闪柱耗怨俩丧虎猜赚哇陪拖昂摇邀蔬胃坡冻珍疯狱奔赤熊惜册丞慕辖惧烂愈贯"
    "诞斑涵邑爷喊仇填蛮逆吐尉赐盆腹纤刊秒胎仙舰宿岗罢丢炭跌盗郎董绘炼幼撞浦鼻泪肘葱傻"
    "闹扮拼盾帽祸崩韦吏铜辨眠胆妆隶袖桂欣孕糟恰浆胀灌锡壮朵纹勃删扔驶摸瓣肚薯柔叛逊捐"
    "戈琴咱恭炮纲倡嘿寸洪丑厨徐牧卿纠崇勤菇迈仲虾丙闲娃荡奈袁艰诱粘瘤宏锁茄梯慧饺拓嫌"
    "鞋滤携揭佩遣爽肃篮慎肝蒸霸馀脊裤腰撑腔妙矛颈腾稻诈蓄姻猎嫁吁缝悬茨芝肺辽辈齿玻扶"
    "巡柏晶晰押轴酷莎炉赔垂鸭拳咯宅贾咬屈晨铺吓捉呆泉浅跃尘愤丸牢柯馈稀矩惨翼劣斩卑臭"
    "斤寄桃懒搬猛劝伪捂愉兽萝娱襄疲剑滩颇抛儒羽陕遥履雇弯肩荒聪祭吨凶邪贩挤忌晓酶萌侍"
    "氟踏赠衬芬曹劫疏鹿溃腺剪囊牵箭邓徽耻晒泳雾氨叠蜜嫩衫戒巾颁姨契锋氮丈诛郭筷闷陶擎"
)
"""The 2000 most frequent Han characters of modern Chinese, most frequent first (counted over news,
encyclopedia, reviews, questions and speech); they make up 97.7% of running text."""

# Where the frequency classes end, and what each character of a class costs.
_CLASSES = ((30, 5.2), (300, 6.8), (1000, 8.0), (2000, 9.0))

_USUAL_PUNCTUATION = "、。，！？：；“”‘’（）《》…—·「」【】"


def _han_cost(char: str, ranks: dict[str, int]) -> float:
    rank = ranks.get(char)
    if rank is not None:
        return next(cost for end, cost in _CLASSES if rank < end)
    try:
        lead = char.encode("gb2312")[0]
    except UnicodeEncodeError:
        return 15.7 if "\u4e00" <= char <= "\u9fff" else 17.0
    # Level 1 of GB 2312 holds the 3755 characters in general use, level 2 the uncommon ones.
    return 10.0 if lead <= 0xD7 else 12.5


def _other_cost(char: str) -> float:
    code = ord(char)
    if code < 0x80:
        return 4.0
    if char in _USUAL_PUNCTUATION:
        return 4.5
    if code == 0xFFFD:
        return 10.0
    if 0x2010 <= code <= 0x2027:
        return 5.0  # dashes, quotes, bullets, ellipsis
    category = unicodedata.category(char)
    if category == "Cc":
        return 14.0
    if category in ("Co", "Cn", "Cs"):
        return 18.0
    if 0xC0 <= code < 0x250:
        return 8.0
    if 0x3000 <= code <= 0x30FF or 0xAC00 <= code <= 0xD7A3 or 0xFF00 <= code <= 0xFFEF:
        return 8.0
    if 0x391 <= code < 0x3CA or 0x401 <= code < 0x460:
        return 8.5  # Greek and Russian letters
    if 0x250 <= code < 0x1E00:
        return 13.0  # phonetic signs, and scripts that hardly ever stand beside Chinese
    if 0x1E00 <= code < 0x2070 or 0x1F300 <= code < 0x1FB00:
        return 8.5
    return 9.5


@cache
def costs() -> NDArray[np.float32]:
    """`_built_costs`, from the cache of tables."""
    versions = {
        "opencc": importlib.metadata.version("opencc"),
        "unicode": unicodedata.unidata_version,
    }
    return stored("costs", lambda: {"costs": _built_costs()}, [__file__], versions)["costs"]


def _built_costs() -> NDArray[np.float32]:
    """float32 [0x20000]: nats per code point; look higher ones up at the last entry."""
    import opencc

    table = np.full(0x20000, 17.0, np.float32)
    ranks = {char: i for i, char in enumerate(COMMON)}
    han = [chr(c) for c in (*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000))]
    for code in range(0x20000):
        if not (0x3400 <= code < 0x4DC0 or 0x4E00 <= code < 0xA000 or 0xD800 <= code < 0xE000):
            table[code] = _other_cost(chr(code))
    # A traditional character is about as usual as its simplified form.
    simplified = opencc.OpenCC("t2s").convert("\n".join(han)).split("\n")
    for char, simple in zip(han, simplified, strict=True):
        cost = _han_cost(char, ranks)
        if simple != char and len(simple) == 1:
            cost = min(cost, _han_cost(simple, ranks) + 0.5)
        table[ord(char)] = cost
    table[-1] = 18.0
    return table


@cache
def commonness() -> NDArray[np.float32]:
    """float32 [0x10000]: evidence in nats that a Han character was meant, not hit by chance.

    The log ratio of the share of running text that a character's frequency class makes up to the
    share it makes up of the characters in general use; 2 for usual Chinese punctuation, else 0.
    """
    table = np.zeros(0x10000, np.float32)
    cost = costs()
    for start, end in ((0x3400, 0x4DC0), (0x4E00, 0xA000)):
        part = cost[start:end]
        # Shares of text: 22, 42, 26, 8, 2%; of the 3755 in general use: 1, 7, 19, 27, 46%.
        bounds = [part <= 6.0, part <= 7.5, part <= 8.6, part <= 9.6, part <= 10.6]
        table[start:end] = np.select(bounds, [3.2, 1.8, 0.3, -1.2, -3.0], -4.0)
    for char in _USUAL_PUNCTUATION:
        table[ord(char)] = 2.0
    return table
